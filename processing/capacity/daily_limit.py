"""Limits the number of files that one user may declare in a day.

Each file creates a row, even if it is rejected or cancelled, and rows fill the disk too.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.utils import timezone

from processing.capacity.admission import CapacityProblem
from processing.models import Upload

DAY = timedelta(days=1)
CACHE_SECONDS = 10.0
MAX_CACHED_USERS = 1000
"""The cache is cleared when it has this many users."""
LIMIT_REACHED = CapacityProblem(
    "too-many-files-today",
    HTTPStatus.TOO_MANY_REQUESTS,
    "You have reached your daily upload limit. Uploaded files are safe. Continue tomorrow, or ask your administrator for a "
    "higher limit.",
    "",
)

clock: Callable[[], float] = time.monotonic
_cached: dict[int, tuple[float, int]] = {}


def shortage(user: int, more: int = 1) -> CapacityProblem | None:
    """Returns LIMIT_REACHED if the user may not declare `more` files now, otherwise None. Counts allowed files at once."""
    limit = settings.USER_FILES_PER_DAY
    if not limit:
        return None
    counted_at, count = _cached.get(user, (0.0, 0))
    if user not in _cached or clock() - counted_at > CACHE_SECONDS:
        counted_at, count = clock(), _count(user)
    if count + more > limit:
        return LIMIT_REACHED
    if len(_cached) >= MAX_CACHED_USERS:
        _cached.clear()
    _cached[user] = counted_at, count + more
    return None


def clear_cache() -> None:
    """Clears the cached counts, after many files changed at once."""
    _cached.clear()


def _count(user: int) -> int:
    """Returns the number of the user's files in the last day. Reads only the user's own rows: batch by user, upload by batch."""
    since = timezone.now() - DAY
    return Upload.objects.filter(batch__opened_by=user, batch__opened_at__gt=since).count()
