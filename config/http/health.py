"""The health check for load balancers and watchdogs. It needs no sign-in."""

import threading
import time
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from processing.storage import keys as storage_keys
from processing.storage import store

CACHE_SECONDS = 1.0
"""How long a result is cached, since anonymous clients may send any number of requests."""


class HealthCheck:
    """The cached state of the installation's parts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._fresh_until = 0.0

    def status(self) -> dict[str, bool]:
        """Returns by name whether each part works. Concurrent callers wait for one check."""
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._parts = {"web": True, "database": _works(_check_database), "storage": _works(_check_storage)}
                self._fresh_until = time.monotonic() + CACHE_SECONDS
            return self._parts

    def clear(self) -> None:
        self._fresh_until = 0.0


health_check = HealthCheck()


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Returns 200 if database and storage work, else 503. The body says which part fails; the log has the reason."""
    parts = health_check.status()
    is_well = all(parts.values())
    return JsonResponse({"status": "ok" if is_well else "ill", **parts}, status=200 if is_well else 503)


def _works(check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001 - every error means that the part fails
        return False
    return True


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _check_storage() -> None:
    for directory in storage_keys.DIRECTORIES:
        default_storage.listdir(directory)
    if error := store().problem():
        raise error
