"""Is the installation well? For load balancers and watchdogs, so without signing in."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from processing.storage import store


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and storage answer, 503 otherwise. Says which, never why: the log does."""
    parts = {"web": True, "database": _answers(_ask_database), "storage": _answers(_ask_storage)}
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
