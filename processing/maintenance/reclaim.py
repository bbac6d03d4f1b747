"""What lies in staging (incoming/), whose it is, and the room that nobody needs any more."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from albums.models import Leftover
from processing.capacity import staging_quota
from processing.maintenance import sweep
from processing.models import ProcessingJob, Upload
from processing.models.states import ACTIVE, JobState
from processing.storage import keys as storage_keys
from processing.storage import store
from processing.storage.base import Listed
from processing.uploads import lifecycle as uploads
from processing.uploads import staging_keys

QUIET_SECONDS = 300.0
"""A sender of whom nothing came for so long may come back, but has no claim to the room if it is needed."""


@dataclass(frozen=True, slots=True)
class Staging:
    """In bytes of files as they lie on the disk."""

    receiving: int
    waiting: int
    """Taken in, to be developed or at it."""
    failed: int
    """Failed, and kept for a person to decide."""
    idle: int
    """On their way, but nothing came for long."""
    stray: int
    """Nobody's: left behind by what was killed."""
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


def of_now() -> Staging:
    sizes = dict.fromkeys(("receiving", "waiting", "failed", "idle", "stray"), 0)
    keys: list[str] = []
    for kind, key, size in (*_staged(), *_left_over()):
        sizes[kind] += size
        if kind in ("idle", "stray"):
            keys.append(key)
    return Staging(**sizes, quota=settings.STAGING_QUOTA_BYTES, reclaimable_keys=tuple(keys))


def reclaim() -> int:
    """Free the room of what nobody is waiting for. How many bytes were freed; what came to life meanwhile stays."""
    found = {key: _size(key) for key in of_now().reclaimable_keys}
    for upload in Upload.objects.quiet(_quiet_seconds()):
        uploads.reclaim(upload, _quiet_seconds())
    sweep.clear_leftovers(timezone.now())
    sweep.clear_strays(timezone.now() - timedelta(seconds=_quiet_seconds()))
    staging_quota.forget()
    return sum(size for key, size in found.items() if not store().exists(key))


def _staged() -> Iterator[tuple[str, str, int]]:
    """Files are listed first, rows asked after, or a new one would seem unknown."""
    staged = sweep.staged()
    while some := list(islice(staged, sweep.AT_A_TIME)):
        yield from _sorted(some)


def _sorted(files: list[Listed]) -> Iterator[tuple[str, str, int]]:
    owners = {identity for file in files if (identity := staging_keys.owner(file.key))}
    receiving = Upload.objects.receiving().filter(pk__in=owners)
    quiet = set(Upload.objects.quiet(_quiet_seconds()).filter(pk__in=owners).values_list("pk", flat=True))
    jobs = ProcessingJob.objects.filter(upload__in=owners)
    kinds: dict[uuid.UUID | None, str] = {
        **dict.fromkeys(receiving.values_list("pk", flat=True), "receiving"),
        **dict.fromkeys(quiet, "idle"),
        **dict.fromkeys(jobs.filter(state__in=ACTIVE).values_list("upload_id", flat=True), "waiting"),
        **dict.fromkeys(jobs.filter(state=JobState.FAILED).values_list("upload_id", flat=True), "failed"),
        **dict.fromkeys(
            ProcessingJob.objects.in_work().filter(claim__in=owners).values_list("claim", flat=True), "waiting"
        ),
    }
    quiet_since = timezone.now() - timedelta(seconds=_quiet_seconds())
    for file in files:
        owner = staging_keys.owner(file.key)
        kind = kinds.get(owner) if owner else None
        yield kind or ("stray" if file.modified < quiet_since else "receiving"), file.key, file.size


def _left_over() -> Iterator[tuple[str, str, int]]:
    """Those in incoming/ were counted with the rest."""
    staged = Q(key__startswith="incoming/") | Q(key__startswith=f"{storage_keys.BUCKET}incoming/")
    for leftover in Leftover.objects.filter(hold=None).exclude(staged).iterator():
        yield "stray", leftover.key, _size(leftover.key)


def _size(key: str) -> int:
    try:
        return store().size(key)
    except OSError:  # it has just gone, or cannot be asked after
        return 0


def _quiet_seconds() -> float:
    return min(QUIET_SECONDS, settings.UPLOAD_EXPIRY_SECONDS)
