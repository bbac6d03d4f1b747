"""The usage of the staging area (incoming/) by kind of owner, and its reclaimable space."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from albums.models import Leftover
from processing.capacity import staging_quota
from processing.lib import iteration
from processing.maintenance import sweep
from processing.models import ProcessingJob, Upload
from processing.models.states import ACTIVE, JobState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import StoredObject
from processing.uploads import lifecycle

QUIET_SECONDS = 300.0
"""An upload without data for this long may still continue, but its space is reclaimed when it is needed."""


@dataclass(frozen=True, slots=True)
class StagingContents:
    """Bytes of files in storage, by kind."""

    receiving: int
    waiting: int
    """Received, and waiting to be developed or being developed."""
    failed: int
    """Failed, and kept until a user decides."""
    idle: int
    """Incomplete, without data for QUIET_SECONDS."""
    stray: int
    """Orphans: left behind by killed processes."""
    quota: int
    reclaimable_keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def total(self) -> int:
        return self.receiving + self.waiting + self.failed + self.idle + self.stray

    @property
    def reclaimable(self) -> int:
        return self.idle + self.stray

    @property
    def is_full(self) -> bool:
        return bool(self.quota) and self.total >= self.quota


def current() -> StagingContents:
    sizes = dict.fromkeys(("receiving", "waiting", "failed", "idle", "stray"), 0)
    keys: list[str] = []
    for kind, key, size in (*_staged(), *_leftovers()):
        sizes[kind] += size
        if kind in ("idle", "stray"):
            keys.append(key)
    return StagingContents(**sizes, quota=settings.STAGING_QUOTA_BYTES, reclaimable_keys=tuple(keys))


def reclaim() -> int:
    """Deletes idle uploads and orphans, and returns the bytes freed. Uploads that have resumed meanwhile remain."""
    sizes = {key: _size(key) for key in current().reclaimable_keys}
    for upload in Upload.objects.quiet(_quiet_seconds()):
        lifecycle.reclaim(upload, _quiet_seconds())
    sweep.delete_leftovers(timezone.now())
    sweep.delete_orphans(timezone.now() - timedelta(seconds=_quiet_seconds()))
    staging_quota.clear_cache()
    return sum(size for key, size in sizes.items() if not store().exists(key))


def _staged() -> Iterator[tuple[str, str, int]]:
    """Yields kind, key and size. Lists files before reading rows: in the opposite order, a new file would look like an orphan."""
    for files in iteration.chunks(sweep.staged(), sweep.BATCH_SIZE):
        yield from _classified(files)


def _classified(files: list[StoredObject]) -> Iterator[tuple[str, str, int]]:
    owners = {identity for file in files if (identity := storage_keys.owner(file.key))}
    receiving = Upload.objects.receiving().filter(pk__in=owners)
    idle = set(Upload.objects.quiet(_quiet_seconds()).filter(pk__in=owners).values_list("pk", flat=True))
    jobs = ProcessingJob.objects.filter(upload__in=owners)
    kinds: dict[uuid.UUID | None, str] = {
        **dict.fromkeys(receiving.values_list("pk", flat=True), "receiving"),
        **dict.fromkeys(idle, "idle"),
        **dict.fromkeys(jobs.filter(state__in=ACTIVE).values_list("upload_id", flat=True), "waiting"),
        **dict.fromkeys(jobs.filter(state=JobState.FAILED).values_list("upload_id", flat=True), "failed"),
        **dict.fromkeys(
            ProcessingJob.objects.in_work().filter(claim__in=owners).values_list("claim", flat=True), "waiting"
        ),
    }
    quiet_since = timezone.now() - timedelta(seconds=_quiet_seconds())
    for file in files:
        owner = storage_keys.owner(file.key)
        kind = kinds.get(owner) if owner else None
        yield kind or ("stray" if file.modified < quiet_since else "receiving"), file.key, file.size


def _leftovers() -> Iterator[tuple[str, str, int]]:
    """Yields the leftovers outside incoming/, which _staged() has counted already."""
    for key in Leftover.objects.filter(hold=None).values_list("key", flat=True).iterator():
        if storage_keys.directory(key) != storage_keys.INCOMING:
            yield "stray", key, _size(key)


def _size(key: str) -> int:
    try:
        return store().size(key)
    except OSError:  # deleted meanwhile, or unreachable
        return 0


def _quiet_seconds() -> float:
    return min(QUIET_SECONDS, settings.UPLOAD_EXPIRY_SECONDS)
