"""Is the installation well? For load balancers and watchdogs, so without signing in."""

import threading
import time
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from processing.storage import store

FRESH_SECONDS = 1.0
"""So long an examination counts for all who ask: anybody may ask, as often as they like."""


class Examination:
    """What the parts of the installation answered last."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._parts: dict[str, bool] = {}
        self._until = 0.0

    def parts(self) -> dict[str, bool]:
        """By name, whether it answers. Of those who ask at the same time one examines, the others wait for it."""
        with self._turn:
            if time.monotonic() >= self._until:
                self._parts = {"web": True, "database": _answers(_ask_database), "storage": _answers(_ask_storage)}
                self._until = time.monotonic() + FRESH_SECONDS
            return self._parts

    def forget(self) -> None:
        self._until = 0.0


examination = Examination()


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and storage answer, 503 otherwise. Says which, never why: the log does."""
    parts = examination.parts()
    well = all(parts.values())
    return JsonResponse({"status": "ok" if well else "ill", **parts}, status=200 if well else 503)


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except Exception:  # noqa: BLE001 - whatever is wrong, the answer is the same
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_storage() -> None:
    for room in ("incoming", "originals", "renditions"):
        default_storage.listdir(room)
    if trouble := store().trouble():
        raise trouble
