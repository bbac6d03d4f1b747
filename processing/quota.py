"""How much of staging (incoming/) is spoken for: may another file begin to come in?

What has begun may always end, so that no two large files can each wait for the other's room. A photo leaves staging when it is
developed, a failed one when a person has dealt with it.
"""

import time

from django.conf import settings
from django.db.models import F, Sum
from django.db.models.functions import Coalesce, Greatest

from processing.models import ProcessingJob, Upload
from processing.states import KEEPS_RAW

REMEMBERED_SECONDS = 2.0
"""Asked for every part of every file; so long each process believes what it counted last."""

_counted: tuple[float, int] | None = None


def has_room(more: int = 0) -> bool:
    """May files of so many bytes begin? Into empty staging may come whatever comes, or nothing large ever could."""
    quota = settings.STAGING_QUOTA_BYTES
    if not quota:
        return True
    taken = used()
    return taken < quota and (not taken or taken + more <= quota)


def used() -> int:
    """Bytes that are there, and those still to come of what has begun."""
    global _counted
    if _counted is None or time.monotonic() - _counted[0] > REMEMBERED_SECONDS:
        _counted = time.monotonic(), _count()
    return _counted[1]


def forget() -> None:
    """Count anew: much has changed at once."""
    global _counted
    _counted = None


def _count() -> int:
    begun = Upload.objects.receiving().filter(arrived__gt=0)
    coming = begun.aggregate(bytes=Sum(Greatest(Coalesce("size", 0), F("arrived"))))["bytes"]
    kept = ProcessingJob.objects.filter(state__in=KEEPS_RAW).aggregate(bytes=Sum("upload__size"))["bytes"]
    return (coming or 0) + (kept or 0)
