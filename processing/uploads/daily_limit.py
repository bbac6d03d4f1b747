"""How many files one person may declare in a day.

Each has a row, whether it is sent, refused or taken back, and rows fill a disk too.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.utils import timezone

from processing.capacity.admission import Shortage
from processing.models import Upload

DAY = timedelta(days=1)
REMEMBERED_SECONDS = 10.0
MOST_REMEMBERED = 1000
"""Persons: who comes after that is counted anew."""
SPENT = Shortage(
    "too-many-files-today",
    HTTPStatus.TOO_MANY_REQUESTS,
    "You have sent as many files within a day as one person may. What was uploaded is safe; go on tomorrow, or ask your "
    "administrator for more.",
    "",
)

clock: Callable[[], float] = time.monotonic
_counted: dict[int, tuple[float, int]] = {}


def of(user: int, more: int = 1) -> Shortage | None:
    """What forbids `more` further files of this person; None while they are allowed. They count from then on."""
    limit = settings.USER_FILES_PER_DAY
    if not limit:
        return None
    at, count = _counted.get(user, (0.0, 0))
    if user not in _counted or clock() - at > REMEMBERED_SECONDS:
        at, count = clock(), _count(user)
    if count + more > limit:
        return SPENT
    if len(_counted) >= MOST_REMEMBERED:
        _counted.clear()
    _counted[user] = at, count + more
    return None


def forget() -> None:
    """Count anew: much has changed at once."""
    _counted.clear()


def _count(user: int) -> int:
    """Batches are found by their owner, uploads by their batch: no row of anybody else is read."""
    since = timezone.now() - DAY
    return Upload.objects.filter(batch__opened_by=user, batch__opened_at__gt=since).count()
