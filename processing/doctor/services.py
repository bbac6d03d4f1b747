"""The workshop: is there a worker, does it hear the bell, can it read every kind of picture, do clocks and database serve?"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from processing.doctor.check_result import Diagnosis, bad, good, warning
from processing.jobs import wakeup, workers
from processing.models import ProcessingJob, WorkerPulse

EARS_SECONDS = 5.0
CODECS_SECONDS = 20
MOST_SKEW = timedelta(seconds=5)
NEEDED = {"JPEG", "WebP"}
"""Without these nothing can be developed: the one comes from cameras, the other is what is made."""


def look() -> Iterator[Diagnosis]:
    yield _of_codecs()
    try:
        yield _of_database()
    except DatabaseError as error:
        words = f"The database does not answer: {error}".strip()
        yield bad("database-away", "Database", words, "Start it, see DATABASE_URL, or run manage.py migrate.")
        return
    yield _of_workers()
    yield _of_bell()
    yield _of_clocks()


def _of_workers() -> Diagnosis:
    alive = workers.alive().count()
    last = WorkerPulse.objects.order_by("-seen_at").first()
    title = "Worker"
    if alive and last:
        age = max(0, round((timezone.now() - last.seen_at).total_seconds()))
        return good("worker", title, f"{alive} at work, last heard of {age} s ago.")
    words = "No worker is running: photos are taken, but none is developed."
    return bad("no-worker", title, words, "Start one: manage.py run_huey, or make run, which starts web and worker.")


def _of_bell() -> Diagnosis:
    kind, title = ("Redis" if settings.REDIS_URL else "SQLite"), "Bell"
    has_ears = workers.alive().exists()
    try:
        seconds = wakeup.echo(EARS_SECONDS if has_ears else 0)
    except Exception as error:  # noqa: BLE001 - whatever a queue of any kind may raise
        words = f"The queue ({kind}) does not answer: {type(error).__name__}. Photos are taken, and wait for the next sweep."
        return bad(
            "bell-away",
            title,
            words,
            "Start Redis, or see REDIS_URL." if settings.REDIS_URL else "See DATA_DIR/huey.sqlite3.",
        )
    if seconds is not None:
        return good("bell", title, f"A worker answered through {kind} within {seconds:.1f} s.")
    if not has_ears:
        return good("bell-untried", title, f"The queue ({kind}) answers.")
    if ProcessingJob.objects.in_work().exists():
        return good(
            "bell-busy",
            title,
            f"The queue ({kind}) answers; the worker is at a photo and did not come within {EARS_SECONDS:.0f} s.",
        )
    words = f"The queue ({kind}) answers, but no worker does."
    return warning(
        "bell-unheard", title, words, "See that web and worker have the same DATA_DIR, REDIS_URL and SECRET_KEY."
    )


def _of_codecs() -> Diagnosis:
    """Asked in a process of its own, as pictures are developed in one: the web server loads no decoder."""
    title = "Pictures"
    asked = [sys.executable, "-m", "processing.pipeline.process.codecs"]
    try:
        done = subprocess.run(asked, capture_output=True, timeout=CODECS_SECONDS, check=True, cwd=settings.BASE_DIR)
        codecs: dict[str, str | None] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return bad(
            "codecs-unknown", title, "The library of pictures cannot be loaded.", "Install requirements.txt again."
        )
    words = ", ".join(f"{name} {version}" for name, version in codecs.items() if version)
    missing = [name for name, version in codecs.items() if not version]
    if not missing:
        return good("codecs", title, f"{words}.")
    remedy = "Install Pillow and its companions from PyPI (requirements.txt): their wheels have all of them."
    return (bad if NEEDED & set(missing) else warning)(
        "codecs-missing", title, f"{', '.join(missing)} cannot be read. There are {words}.", remedy
    )


def _of_database() -> Diagnosis:
    title, kind = "Database", connection.vendor
    ProcessingJob.objects.exists()
    if kind != "sqlite":
        version = ".".join(map(str, connection.get_database_version()))
        return good("database", title, f"{connection.display_name} {version}.")
    import sqlite3

    with connection.cursor() as cursor:
        journal = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        safety = cursor.execute("PRAGMA synchronous").fetchone()[0]
    words = (
        f"SQLite {sqlite3.sqlite_version}, journal {journal}, synchronous {('off', 'normal', 'full', 'extra')[safety]}."
    )
    if journal == "wal" and safety >= 2:
        return good("database", title, words)
    return warning(
        "database-unsafe", title, words, "WAL and full are set at every start: the file system may forbid them."
    )


def _of_clocks() -> Diagnosis:
    """The database's, and the worker's by the sign of life that it dated itself."""
    title = "Clocks inside"
    apart = {"database": abs(_database_now() - timezone.now())}
    if last := WorkerPulse.objects.order_by("-seen_at").first():
        apart["worker"] = max(
            timedelta(), last.seen_at - timezone.now()
        )  # one from the future; an old one is no clock's fault
    wrong = [f"the {who}'s by {skew.total_seconds():.0f} s" for who, skew in apart.items() if skew > MOST_SKEW]
    if not wrong:
        return good("clocks", title, "Database, worker and web server agree.")
    words = f"Clocks differ from the web server's: {', '.join(wrong)}. Leases and uploads may end too early."
    return warning("clocks-differ", title, words, "Let a time service (NTP) set all of them.")


def _database_now() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite has none of its own
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)
