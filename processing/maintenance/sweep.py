"""Recovery: what a crash, a cut line or a lost bell left behind is found here and set right.

Safe at any time and with any number of workers: every act is guarded by the row it is about.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.utils import timezone

from albums import album_trash, removal, trash
from albums.models import Album, Leftover
from processing import jobs
from processing.integrity import post_write
from processing.jobs import wakeup
from processing.models import (
    JobEvent,
    ProcessingJob,
    Rerender,
    Upload,
    WorkerPulse,
)
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.base import Listed
from processing.storage.errors import StorageTrouble
from processing.uploads import batches, staging_keys
from processing.uploads import lifecycle as uploads
from processing.uploads.direct import recovery
from processing.uploads.tus import session as tus_session

log = logging.getLogger(__name__)

SHARE = 1 / 10
"""Of the time between two sweeps: what a worker may spend on deleting."""
LOST = ("worker-lost", "The worker stopped in the middle of this file.")
AT_A_TIME = 500
LOAN = timedelta(hours=6)
"""A copy on loan that is older was left by a reader who was killed: nobody reads a file for so long."""
HAND_OVER_SECONDS = 20
"""An upload that is whole and was not touched for so long was forgotten between its last byte and its job."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many of each were set right."""

    handed_over: int
    rescued: int
    expired: int
    stopped: int
    trashed_photos: int
    trashed_albums: int
    leftovers: int
    strays: int
    aborted: int
    bells: int
    old_events: int

    def __str__(self) -> str:
        return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in asdict(self).items())


def sweep(seconds: float | None = None) -> Swept:
    """`seconds`: how long deleting may take of each kind; what is left is the next sweep's. None: until all is done.

    A worker sweeps between two photos: a hundred thousand from a trash would keep everybody waiting for hours.
    """
    now = timezone.now()
    until = None if seconds is None else time.monotonic() + seconds
    swept = Swept(
        handed_over=_hand_over_again(now),
        rescued=_rescue(),
        expired=_expire(),
        stopped=_stop_receiving(),
        trashed_photos=_purge_trash(now, until),
        trashed_albums=_purge_albums(now, until),
        leftovers=clear_leftovers(now, until),
        strays=clear_strays(_grace(now)),
        aborted=_abort_unknown(now),
        bells=_ring_missed(now),
        old_events=_forget_events(now),
    )
    if any(asdict(swept).values()):
        log.info("Sweep: %s", swept)
    return swept


def clear_leftovers(now: datetime, until: float | None = None) -> int:
    """Bytes that nobody wants. Those of a lost claim are remembered for a while: its worker may wake up and write them late.

    A hold younger than a lease is left alone: it may be a repair's, which has no claim.
    """
    live = [*staging_keys.claims(ProcessingJob.objects.in_work()), *staging_keys.claims(Rerender.objects.in_work())]
    cleared = removal.clear(Leftover.objects.filter(hold=None), until)
    lost = Leftover.objects.exclude(hold=None).exclude(hold__in=live)
    lost = lost.filter(created_at__lt=now - timedelta(seconds=settings.LEASE_SECONDS))
    for leftover in lost.filter(created_at__gte=_grace(now)).order_by("pk").iterator(AT_A_TIME):
        removal.discard(leftover.key)
        if removal.is_over(until):
            break
    return cleared + removal.clear(lost.filter(created_at__lt=_grace(now)), until)


def clear_strays(before: datetime) -> int:
    """Files in incoming/ that no row knows: those last written before then; of any age, what a lost claim was working on.

    No other will ever want the latter. Files are listed first, rows asked after, or a new one would seem unknown.
    """
    old, cleared = _old_keys(before), 0
    while keys := list(islice(old, AT_A_TIME)):
        cleared += _clear_unknown(keys)
    return cleared


def _hand_over_again(now: datetime) -> int:
    """Before any expires: what is whole is not idle."""
    forgotten = now + timedelta(seconds=max(0, settings.UPLOAD_EXPIRY_SECONDS - HAND_OVER_SECONDS))
    return recovery.hand_over_again(forgotten) + tus_session.hand_over_again(forgotten)


def _abort_unknown(now: datetime) -> int:
    """Parts in the bucket that nobody will ever join."""
    try:
        return recovery.abort_unknown(_grace(now))
    except StorageTrouble as trouble:
        log.warning("What is unfinished in the bucket cannot be looked through yet: %s", trouble)
        return 0


def _rescue() -> int:
    """Jobs whose lease ran out: their worker is gone."""
    lost = ProcessingJob.objects.lost()
    return sum(jobs.fail(job, *LOST, permanent=False, at_last=jobs.QUARANTINED, expired=True) for job in lost)


def _expire() -> int:
    return sum(
        uploads.expire(upload) for rows in (Upload.objects.idle(), Upload.objects.abandoned()) for upload in rows
    )


def _stop_receiving() -> int:
    """What is still on its way to albums in the trash: whoever moved them there was cut off before it could be stopped."""
    albums = Album.objects.trashed().filter(pk__in=Upload.objects.receiving().values("album"))
    return sum(batches.stop_receiving(album, "Somebody") for album in albums)


def _purge_albums(now: datetime, until: float | None) -> int:
    """As `_purge_trash`, of whole albums: a large one is gone after several sweeps."""
    return album_trash.purge(now, until) if store().is_there() else 0


def _purge_trash(now: datetime, until: float | None) -> int:
    """Not while the storage is away: a file that cannot be reached counts as deleted, and would turn up again as nobody's."""
    return trash.purge(now, until) if store().is_there() else 0


def staged() -> Iterator[Listed]:
    """All that lies in incoming/, on the disk and in the bucket; a bucket that is in trouble is left out."""
    for place in locations.in_use():
        if place == storage_keys.DISK or not store().trouble():
            yield from store().listed(f"{place}incoming")


def _old_keys(before: datetime) -> Iterator[str]:
    lent = min(before, timezone.now() - LOAN)
    for each in staged():
        if _is_scratch(each.key) or each.modified < (lent if staging_keys.is_on_loan(each.key) else before):
            yield each.key


def _clear_unknown(keys: list[str]) -> int:
    wanted = staging_keys.raw_in_use(keys)
    strays = [key for key in keys if staging_keys.owner(key) not in wanted]
    return sum(removal.discard(key) for key in strays)


def _is_scratch(key: str) -> bool:
    return ".work/" in key and staging_keys.owner(key) is not None


def _ring_missed(now: datetime) -> int:
    """A lost message loses nothing. Ringing once too often is harmless, so a few bells too many do not matter."""
    just_now = (now - timedelta(seconds=1), now)
    most = AT_A_TIME + wakeup.waiting()
    quiet = ProcessingJob.objects.due().exclude(updated_at__range=just_now)
    unread = [rows.exclude(created_at__range=just_now) for rows in (post_write.due(), post_write.due_companions())]
    needed = 0
    for rows in (quiet, *unread, Rerender.objects.due()):  # no further than matters: there may be millions
        needed += rows.order_by()[: most - needed].count()
    missing = min(AT_A_TIME, max(0, needed - (most - AT_A_TIME)))
    silent = list(quiet.values_list("pk", flat=True)[:missing])
    for pk in silent:
        wakeup.ring(pk)
    for _ in range(missing - len(silent)):
        wakeup.ring_for_what_waits()
    return missing


def _forget_events(now: datetime) -> int:
    WorkerPulse.objects.filter(seen_at__lt=now - timedelta(days=1)).delete()
    old = JobEvent.objects.filter(at__lt=now - timedelta(days=settings.EVENT_DAYS))
    return old.delete()[0]


def _grace(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.ORPHAN_GRACE_SECONDS)
