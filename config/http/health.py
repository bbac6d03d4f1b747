"""/healthz and /readyz, for load balancers, watchdogs and monitoring. They need no sign-in.

/healthz says whether the web server can serve pages. If not, restart it, or send no requests to it. /readyz says whether the
whole installation can receive photos and process them. It also fails if only a worker is missing: it must not restart anything.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.staticfiles import HashedStatic
from processing.capacity import admission
from processing.jobs import wakeup
from processing.models import WorkerPulse
from processing.storage import keys as storage_keys
from processing.storage import store

CACHE_SECONDS = 1.0
"""How long a result is cached, since anonymous clients may send any number of requests."""
MAX_HEARTBEAT_AGE = timedelta(seconds=60)

_migrated = threading.Event()

Check = Callable[[], str]
"""Returns why a part fails, or "". An exception means that it fails, too; its text is not shown to anonymous clients."""


class HealthCheck:
    """The cached state of some parts of the installation."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._fresh_until = 0.0

    def reasons(self) -> dict[str, str]:
        """Returns by name why each part fails, "" if it works. Concurrent callers wait for one check."""
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._reasons = {name: _reason(check) for name, check in self._checks.items()}
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return self._reasons

    def clear(self) -> None:
        self._fresh_until = 0.0


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if database and storage work, else 503. The body says which part fails."""
    parts = {"web": True} | {name: not reason for name, reason in health_check.reasons().items()}
    is_well = all(parts.values())
    return JsonResponse({"status": "ok" if is_well else "ill", **parts}, status=200 if is_well else 503)


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if photos can be uploaded and processed, else 503. The body gives the reason for each part that fails."""
    reasons = readiness_check.reasons()
    is_ready = not any(reasons.values())
    checks = {name: {"ok": not reason} | ({"reason": reason} if reason else {}) for name, reason in reasons.items()}
    return JsonResponse({"status": "ok" if is_ready else "failing", "checks": checks}, status=200 if is_ready else 503)


def _reason(check: Check) -> str:
    try:
        return check()
    except Exception:  # noqa: BLE001 - every error means that the part fails
        return "No response."


def _check_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _check_storage() -> str:
    for directory in storage_keys.DIRECTORIES:
        default_storage.listdir(directory)
    problem = store().problem()
    return problem.message if problem else ""


def _check_queue() -> str:
    wakeup.check_queue()
    return ""


def _check_worker() -> str:
    if WorkerPulse.objects.filter(seen_at__gt=timezone.now() - MAX_HEARTBEAT_AGE).exists():
        return ""
    return (
        f"No worker has sent a heartbeat in the last {MAX_HEARTBEAT_AGE.seconds} seconds. Start one: manage.py run_huey"
    )


def _check_disk() -> str:
    return admission.DISK.worker_message if admission.disk_is_full() else ""


def _check_memory() -> str:
    return admission.MEMORY.worker_message if admission.memory_is_short() else ""


def _check_migrations() -> str:
    """Once all migrations of this process's code are applied, they stay applied."""
    if not _migrated.is_set():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "Run manage.py migrate."
        _migrated.set()
    return ""


def _check_static_files() -> str:
    if settings.DEBUG or (Path(settings.STATIC_ROOT) / str(HashedStatic.manifest_name)).exists():
        return ""
    return "Run manage.py collectstatic."


health_check = HealthCheck({"database": _check_database, "storage": _check_storage})
readiness_check = HealthCheck(
    {
        "database": _check_database,
        "migrations": _check_migrations,
        "queue": _check_queue,
        "worker": _check_worker,
        "storage": _check_storage,
        "disk": _check_disk,
        "memory": _check_memory,
        "static_files": _check_static_files,
    }
)
