"""How much of staging (incoming/) is spoken for: may another file begin to come in, and may one go on?

A photo leaves staging when it is developed, a failed one when a person has dealt with it. What counts of a file on its way are
the bytes that arrived, and a bounded reservation for those to come: its declared size is only a claim. One person has a share of
staging, so that nobody keeps the others from uploading, however many files, albums or sessions they use.

The file of a person that began first may always end, so that no two large ones can each wait for the other's room.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Least

from processing.models import ProcessingJob, Upload
from processing.models.states import KEEPS_RAW
from processing.storage import store

REMEMBERED_SECONDS = 2.0
"""Asked for every part of every file; so long each process believes what it counted last."""
RESERVED_BYTES = 32 << 20
"""Kept free for each file that has begun: its next few parts, or all that is missing if that is less."""


@dataclass(slots=True)
class Used:
    """Bytes by the person who sent them; None is nobody, as of an import or a deleted account."""

    there: Counter[int | None] = field(default_factory=Counter)
    """They have arrived."""
    coming: Counter[int | None] = field(default_factory=Counter)
    """Reserved for those to come."""

    def of_all(self) -> int:
        return self.there.total() + self.coming.total()

    def of(self, user: int | None) -> int:
        return self.there[user] + self.coming[user]


_counted: tuple[float, Used] | None = None


def has_room(more: int = 0, *, besides: int = 0) -> bool:
    """May files of so many bytes begin? Into empty staging may come whatever comes, or nothing large ever could.

    `besides` are bytes that are there, and that no row tells of yet.
    """
    quota = settings.STAGING_QUOTA_BYTES
    return not quota or _fits(_used().of_all() + besides, more, quota)


def has_share(user: int, more: int = 0, *, besides: int = 0) -> bool:
    """The same of this person's share."""
    return not _has_shares() or _fits(_used().of(user) + besides, more, _share(_used()))


def may_go_on(upload: Upload, more: int) -> bool:
    """May so many more bytes of a file come that has begun?"""
    if not settings.STAGING_QUOTA_BYTES:
        return True
    user, now = upload.batch.opened_by_id, _used()
    fits = now.there.total() + more <= settings.STAGING_QUOTA_BYTES
    if fits and (user is None or not _has_shares() or now.there[user] + more <= _share(now)):
        return True
    begun = Upload.objects.receiving().filter(arrived__gt=0, batch__opened_by=user)
    first = begun.order_by("created_at", "pk").values_list("pk", flat=True).first()
    return first in (None, upload.pk)


def reserved(size: int | None) -> int:
    """What is kept free for a file of that size when it begins."""
    return RESERVED_BYTES if size is None else min(size, RESERVED_BYTES)


def used() -> int:
    """Bytes that are there, and those reserved for what has begun."""
    return _used().of_all()


def forget() -> None:
    """Count anew: much has changed at once."""
    global _counted
    _counted = None


def _fits(taken: int, more: int, limit: int) -> bool:
    return taken < limit and (not taken or taken + more <= limit)


def _has_shares() -> bool:
    return bool(settings.STAGING_QUOTA_BYTES) and settings.USER_STAGING_PERCENT < 100


def _share(now: Used) -> int:
    """Of the quota; on a disk that is smaller than that, of the room that staging has there."""
    room, free = int(settings.STAGING_QUOTA_BYTES), store().free_bytes()
    if free is not None:
        room = min(room, now.there.total() + max(0, free - settings.MIN_FREE_BYTES))
    return room * int(settings.USER_STAGING_PERCENT) // 100


def _used() -> Used:
    global _counted
    if _counted is None or time.monotonic() - _counted[0] > REMEMBERED_SECONDS:
        _counted = time.monotonic(), _count()
    return _counted[1]


def _count() -> Used:
    now = Used()
    begun = Upload.objects.receiving().filter(Q(arrived__gt=0) | ~Q(multipart_id=""))
    missing = Coalesce(F("size") - F("arrived"), RESERVED_BYTES)
    sums = begun.annotate(coming=Least(missing, RESERVED_BYTES)).values("batch__opened_by")
    for user, there, coming in sums.order_by().values_list("batch__opened_by", Sum("arrived"), Sum("coming")):
        now.there[user] += there
        now.coming[user] += max(0, coming)
    kept = ProcessingJob.objects.filter(state__in=KEEPS_RAW).order_by().values("batch__opened_by")
    for user, there in kept.values_list("batch__opened_by", Sum("upload__size")):
        now.there[user] += there or 0
    return now
