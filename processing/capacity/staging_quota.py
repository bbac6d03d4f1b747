"""Quotas for staging (incoming/), in total and for each user: whether a file may begin, and whether it may continue.

A file leaves staging when it is developed, or, after a failure, when a user retries or dismisses it. A receiving upload counts
with the bytes that have arrived and a bounded reservation for the next ones; its declared size is not trusted. Each user has a
share of staging, so that one user cannot block the others, regardless of the number of files, albums or sessions.

The oldest upload in progress of each user may always continue. Otherwise two large files could wait for each other's space.
"""

from collections import Counter
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Least

from processing.lib.cached_value import CachedValue
from processing.models import ProcessingJob, Upload
from processing.models.states import KEEPS_RAW
from processing.storage import store

CACHE_SECONDS = 2.0
"""How long each process caches the usage, which is needed for every part of every file."""
RESERVED_BYTES = 32 << 20
"""The maximum reservation for each upload in progress. Less is reserved if fewer bytes are missing."""


@dataclass(slots=True)
class StagingUsage:
    """Bytes in staging by user id. The id is None for imports and deleted accounts."""

    arrived: Counter[int | None] = field(default_factory=Counter)
    reserved: Counter[int | None] = field(default_factory=Counter)

    def total(self) -> int:
        return self.arrived.total() + self.reserved.total()

    def by_user(self, user: int | None) -> int:
        return self.arrived[user] + self.reserved[user]


def has_room(more: int = 0, *, uncounted_bytes: int = 0) -> bool:
    """True if files of `more` bytes in total may begin. Empty staging accepts any size, or a large file could never begin.

    `uncounted_bytes` are bytes that have arrived and that no row counts yet.
    """
    quota = settings.STAGING_QUOTA_BYTES
    return not quota or _fits(_used().total() + uncounted_bytes, more, quota)


def has_share(user: int, more: int = 0, *, uncounted_bytes: int = 0) -> bool:
    """True if files of `more` bytes fit into the user's share. Parameters as for has_room()."""
    return not _has_shares() or _fits(_used().by_user(user) + uncounted_bytes, more, _share(_used()))


def may_continue(upload: Upload, more: int) -> bool:
    """True if an upload in progress may receive `more` bytes."""
    if not settings.STAGING_QUOTA_BYTES:
        return True
    user, usage = upload.batch.opened_by_id, _used()
    fits = usage.arrived.total() + more <= settings.STAGING_QUOTA_BYTES
    if fits and (user is None or not _has_shares() or usage.arrived[user] + more <= _share(usage)):
        return True
    in_progress = Upload.objects.receiving().filter(arrived__gt=0, batch__opened_by=user)
    oldest = in_progress.order_by("created_at", "pk").values_list("pk", flat=True).first()
    return oldest in (None, upload.pk)


def reserved(size: int | None) -> int:
    """Returns the bytes to reserve for a new file of `size` bytes (None if unknown)."""
    return RESERVED_BYTES if size is None else min(size, RESERVED_BYTES)


def used() -> int:
    """Returns the arrived and reserved bytes of all users."""
    return _used().total()


def clear_cache() -> None:
    """Clears the cached usage, after many files changed at once."""
    _cached_usage.clear()


def _fits(used_bytes: int, more: int, limit: int) -> bool:
    return used_bytes < limit and (not used_bytes or used_bytes + more <= limit)


def _has_shares() -> bool:
    return bool(settings.STAGING_QUOTA_BYTES) and settings.USER_STAGING_PERCENT < 100


def _share(usage: StagingUsage) -> int:
    """Returns one user's share of the quota, or of the space available to staging on the disk if that is less."""
    bytes_to_share, free_bytes = int(settings.STAGING_QUOTA_BYTES), store().free_bytes()
    if free_bytes is not None:
        bytes_to_share = min(bytes_to_share, usage.arrived.total() + max(0, free_bytes - settings.MIN_FREE_BYTES))
    return bytes_to_share * int(settings.USER_STAGING_PERCENT) // 100


def _used() -> StagingUsage:
    return _cached_usage.get(CACHE_SECONDS)


def _count() -> StagingUsage:
    usage = StagingUsage()
    in_progress = Upload.objects.receiving().filter(Q(arrived__gt=0) | ~Q(multipart_id=""))
    missing = Coalesce(F("size") - F("arrived"), RESERVED_BYTES)
    by_user = in_progress.annotate(reserved=Least(missing, RESERVED_BYTES)).values("batch__opened_by")
    for user, arrived, reserved in by_user.order_by().values_list("batch__opened_by", Sum("arrived"), Sum("reserved")):
        usage.arrived[user] += arrived
        usage.reserved[user] += max(0, reserved)
    raw_files = ProcessingJob.objects.filter(state__in=KEEPS_RAW).order_by().values("batch__opened_by")
    for user, arrived in raw_files.values_list("batch__opened_by", Sum("upload__size")):
        usage.arrived[user] += arrived or 0
    return usage


_cached_usage = CachedValue(_count)
