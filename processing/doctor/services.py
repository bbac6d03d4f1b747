"""Checks the services: workers, queue, decoders, database and clocks."""

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
CODECS_TIMEOUT_SECONDS = 20
MAX_SKEW = timedelta(seconds=5)
REQUIRED_FORMATS = {"JPEG", "WebP"}
"""Formats without which nothing works: cameras write JPEG, and renditions are WebP."""


def look() -> Iterator[Diagnosis]:
    yield _check_codecs()
    try:
        yield _check_database()
    except DatabaseError as error:
        message = f"The database does not answer: {error}".strip()
        yield bad("database-away", "Database", message, "Start it, see DATABASE_URL, or run manage.py migrate.")
        return
    yield _check_workers()
    yield _check_queue()
    yield _check_clocks()


def _check_workers() -> Diagnosis:
    alive = workers.alive().count()
    last = WorkerPulse.objects.order_by("-seen_at").first()
    title = "Worker"
    if alive and last:
        age = max(0, round((timezone.now() - last.seen_at).total_seconds()))
        return good("worker", title, f"{alive} at work, last heard of {age} s ago.")
    message = "No worker is running: photos are taken, but none is developed."
    return bad("no-worker", title, message, "Start one: manage.py run_huey, or make run, which starts web and worker.")


def _check_queue() -> Diagnosis:
    kind, title = ("Redis" if settings.REDIS_URL else "SQLite"), "Bell"
    has_workers = workers.alive().exists()
    try:
        seconds = wakeup.echo(EARS_SECONDS if has_workers else 0)
    except Exception as error:  # noqa: BLE001 - each kind of queue raises its own exceptions
        message = f"The queue ({kind}) does not answer: {type(error).__name__}. Photos are taken, and wait for the next sweep."
        return bad(
            "bell-away",
            title,
            message,
            "Start Redis, or see REDIS_URL." if settings.REDIS_URL else "See DATA_DIR/huey.sqlite3.",
        )
    if seconds is not None:
        return good("bell", title, f"A worker answered through {kind} within {seconds:.1f} s.")
    if not has_workers:
        return good("bell-untried", title, f"The queue ({kind}) answers.")
    if ProcessingJob.objects.in_work().exists():
        return good(
            "bell-busy",
            title,
            f"The queue ({kind}) answers; the worker is at a photo and did not come within {EARS_SECONDS:.0f} s.",
        )
    message = f"The queue ({kind}) answers, but no worker does."
    return warning(
        "bell-unheard", title, message, "See that web and worker have the same DATA_DIR, REDIS_URL and SECRET_KEY."
    )


def _check_codecs() -> Diagnosis:
    """Lists the decoders in a child process: the web server never loads a decoder."""
    title = "Pictures"
    command = [sys.executable, "-m", "processing.pipeline.process.codecs"]
    try:
        process = subprocess.run(
            command, capture_output=True, timeout=CODECS_TIMEOUT_SECONDS, check=True, cwd=settings.BASE_DIR
        )
        codecs: dict[str, str | None] = json.loads(process.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return bad(
            "codecs-unknown", title, "The library of pictures cannot be loaded.", "Install requirements.txt again."
        )
    versions = ", ".join(f"{name} {version}" for name, version in codecs.items() if version)
    missing = [name for name, version in codecs.items() if not version]
    if not missing:
        return good("codecs", title, f"{versions}.")
    remedy = "Install Pillow and its companions from PyPI (requirements.txt): their wheels have all of them."
    return (bad if REQUIRED_FORMATS & set(missing) else warning)(
        "codecs-missing", title, f"{', '.join(missing)} cannot be read. There are {versions}.", remedy
    )


def _check_database() -> Diagnosis:
    title, kind = "Database", connection.vendor
    ProcessingJob.objects.exists()
    if kind != "sqlite":
        version = ".".join(map(str, connection.get_database_version()))
        return good("database", title, f"{connection.display_name} {version}.")
    import sqlite3

    with connection.cursor() as cursor:
        journal = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    level = ("off", "normal", "full", "extra")[synchronous]
    message = f"SQLite {sqlite3.sqlite_version}, journal {journal}, synchronous {level}."
    if journal == "wal" and synchronous >= 2:
        return good("database", title, message)
    return warning(
        "database-unsafe", title, message, "WAL and full are set at every start: the file system may forbid them."
    )


def _check_clocks() -> Diagnosis:
    """Compares the clocks of the database and of the worker, which dates its heartbeats itself."""
    title = "Clocks inside"
    skews = {"database": abs(_database_now() - timezone.now())}
    if last := WorkerPulse.objects.order_by("-seen_at").first():
        # Only a heartbeat in the future counts: an old one says nothing about the clock.
        skews["worker"] = max(timedelta(), last.seen_at - timezone.now())
    differences = [f"the {clock}'s by {skew.total_seconds():.0f} s" for clock, skew in skews.items() if skew > MAX_SKEW]
    if not differences:
        return good("clocks", title, "Database, worker and web server agree.")
    message = f"Clocks differ from the web server's: {', '.join(differences)}. Leases and uploads may end too early."
    return warning("clocks-differ", title, message, "Let a time service (NTP) set all of them.")


def _database_now() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite has no clock of its own
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        timestamp: datetime = cursor.fetchone()[0]
    return timestamp.astimezone(UTC)
