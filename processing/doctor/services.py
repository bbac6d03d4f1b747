"""Checks the services: workers, queue, decoders, database and clocks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from processing.doctor.check_result import CheckResult, bad, good, warning
from processing.jobs import wakeup, workers
from processing.models import ProcessingJob, WorkerPulse

PING_SECONDS = 5.0
CODECS_TIMEOUT_SECONDS = 20
MAX_SKEW = timedelta(seconds=5)
REQUIRED_FORMATS = {"JPEG", "WebP"}
"""Formats without which nothing works: cameras write JPEG, and renditions are WebP."""


def run_checks() -> Iterator[CheckResult]:
    yield _check_codecs()
    try:
        yield _check_database()
    except DatabaseError as error:
        message = f"The database isn't responding: {error}".strip()
        yield bad("database-away", "Database", message, "Start it, check DATABASE_URL, or run manage.py migrate.")
        return
    yield _check_workers()
    yield _check_queue()
    yield _check_clocks()


def _check_workers() -> CheckResult:
    alive = workers.running().count()
    last = WorkerPulse.objects.order_by("-seen_at").first()
    title = "Workers"
    if alive and last:
        age = max(0, round((timezone.now() - last.seen_at).total_seconds()))
        return good("worker", title, f"{alive} running, last heartbeat {age} s ago.")
    message = "No worker is running. Uploads are kept, but not processed."
    return bad("no-worker", title, message, "Start one: manage.py run_huey, or make run for web and worker.")


def _check_queue() -> CheckResult:
    kind, title = ("Redis" if settings.REDIS_URL else "SQLite"), "Queue signal"
    has_workers = workers.running().exists()
    try:
        seconds = wakeup.ping(PING_SECONDS if has_workers else 0)
    except Exception as error:  # noqa: BLE001 - each kind of queue raises its own exceptions
        message = f"The queue ({kind}) isn't responding: {type(error).__name__}. Photos are processed with a delay."
        return bad(
            "bell-away",
            title,
            message,
            "Start Redis, or check REDIS_URL." if settings.REDIS_URL else "Check DATA_DIR/huey.sqlite3.",
        )
    if seconds is not None:
        return good("bell", title, f"A worker responded through {kind} in {seconds:.1f} s.")
    if not has_workers:
        return good("bell-untried", title, f"The queue ({kind}) responds.")
    if ProcessingJob.objects.in_work().exists():
        return good(
            "bell-busy",
            title,
            f"The queue ({kind}) responds. The worker is processing a photo.",
        )
    message = f"The queue ({kind}) responds, but no worker does."
    return warning(
        "bell-unheard", title, message, "Check that web and worker share DATA_DIR, REDIS_URL and SECRET_KEY."
    )


def _check_codecs() -> CheckResult:
    """Lists the decoders in a child process: the web server never loads a decoder."""
    title = "Image decoders"
    command = [sys.executable, "-m", "processing.pipeline.process.codecs"]
    try:
        process = subprocess.run(
            command, capture_output=True, timeout=CODECS_TIMEOUT_SECONDS, check=True, cwd=settings.BASE_DIR
        )
        codecs: dict[str, str | None] = json.loads(process.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return bad("codecs-unknown", title, "The image libraries can't be loaded.", "Reinstall requirements.txt.")
    versions = ", ".join(f"{name} {version}" for name, version in codecs.items() if version)
    missing = [name for name, version in codecs.items() if not version]
    if not missing:
        return good("codecs", title, f"{versions}.")
    remedy = "Reinstall requirements.txt from PyPI; its wheels include all decoders."
    return (bad if REQUIRED_FORMATS & set(missing) else warning)(
        "codecs-missing", title, f"Missing: {', '.join(missing)}. Installed: {versions}.", remedy
    )


def _check_database() -> CheckResult:
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
        "database-unsafe",
        title,
        message,
        "Darkroom sets WAL and full at every start. The file system may not support them.",
    )


def _check_clocks() -> CheckResult:
    """Compares the clocks of the database and of the worker, which dates its heartbeats itself."""
    title = "Server clocks"
    skews = {"database": abs(_database_now() - timezone.now())}
    if last := WorkerPulse.objects.order_by("-seen_at").first():
        # Only a heartbeat in the future counts: an old one says nothing about the clock.
        skews["worker"] = max(timedelta(), last.seen_at - timezone.now())
    differences = [f"{clock} by {skew.total_seconds():.0f} s" for clock, skew in skews.items() if skew > MAX_SKEW]
    if not differences:
        return good("clocks", title, "Database, worker and web server agree.")
    message = f"Different from the web server: {', '.join(differences)}. Uploads and jobs may expire early."
    return warning("clocks-differ", title, message, "Synchronise them with NTP.")


def _database_now() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()  # SQLite has no clock of its own
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        timestamp: datetime = cursor.fetchone()[0]
    return timestamp.astimezone(UTC)
