"""The upload panel's context: one for the page, the poll and every action, so that they cannot differ."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from albums.models import Album, Photo
from processing.capacity import admission
from processing.capacity.admission import Shortage
from processing.jobs import workers
from processing.models import ProcessingJob, deadlines
from processing.models.states import JobState
from processing.queries import album_progress
from processing.queries.album_progress import Progress, Report
from processing.uploads import batches

NEW_AT_MOST = 100
"""Photos sent along with one poll. More come with the next."""
FEW = 3
LATE = timedelta(seconds=3)
"""What was finished so shortly before an answer may have been committed after it: of many workers, photos come out of order."""
LONG = timedelta(minutes=10)
"""A page that was asleep for longer gets new photos, and the rest when it is loaded again: nobody looks through years of jobs."""


@dataclass(frozen=True, slots=True)
class Panel:
    album: Album
    progress: Progress
    report: Report
    token: uuid.UUID
    error: str = ""
    fresh: tuple[Photo, ...] = ()
    seen: int = 0
    """The id of the newest photo that the page has; the next poll brings those after it."""
    at: int = 0
    """When this was, in seconds since 1970; the next poll brings photos that something was added to since."""
    photo_count: int = 0
    shortage: Shortage | None = None
    """Why no photos can be sent now; or, while some wait, why none is developed."""
    is_worked_on: bool = True
    """Is there a worker to do what waits?"""

    @property
    def mark(self) -> str:
        """What the page has, as the next request tells it."""
        return f"seen={self.seen}&since={self.at}"

    @property
    def is_held_up(self) -> bool:
        """A worker would go on, but for the shortage."""
        return self.is_worked_on and self.shortage is not None

    @property
    def is_polled(self) -> bool:
        """While work goes on, and until the page has every photo: the last answer may have held only some of them."""
        return self.progress.is_busy or len(self.fresh) == NEW_AT_MOST

    @property
    def polled_every(self) -> str:
        """As htmx has it. Whoever sent a few waits for just these; of many, one more each second is soon enough."""
        return "500ms" if self.progress.receiving + self.progress.active <= FEW else "1s"

    @property
    def max_files(self) -> int:
        return settings.MAX_BATCH_FILES

    @property
    def max_bytes(self) -> int:
        return settings.MAX_FILE_BYTES


def of(album: Album, *, seen: int | None = None, since: int | None = None, error: str = "") -> Panel:
    """`seen`: the newest photo id that the page shows already; None when the page is just being made. `since`: when that was."""
    at = int(timezone.now().timestamp())
    now = album_progress.of(album)
    if now.is_receiving and now.quiet_seconds >= deadlines.SILENCE_SECONDS and batches.release(album):
        now = album_progress.of(album)
    shown = album.photos.shown()
    newest = shown.order_by("-pk").values_list("pk", flat=True).first() or 0
    fresh: tuple[Photo, ...] = ()
    changed = set() if since is None else _changed(album, datetime.fromtimestamp(since, UTC) - LATE)
    if seen is not None and (newest > seen or changed):
        photos = shown.filter(Q(pk__gt=seen) | Q(pk__in=changed)).order_by("pk")
        fresh = tuple(photos.prefetch_related("renditions", "halves", "companions")[:NEW_AT_MOST])
        newest = max(seen, fresh[-1].pk) if fresh else newest
    return Panel(
        album=album,
        progress=now,
        report=album_progress.report(album),
        token=uuid.uuid4(),
        error=error,
        fresh=fresh,
        seen=newest,
        at=at,
        photo_count=shown.count(),
        shortage=_shortage(now),
        is_worked_on=not now.active or workers.alive().exists(),
    )


def _changed(album: Album, since: datetime) -> set[int]:
    """The latest photos that came since, or got a RAW, a video or a sidecar."""
    since = max(since, timezone.now() - LONG)
    done = ProcessingJob.objects.filter(album=album, state=JobState.COMPLETED, finished_at__gte=since)
    latest = done.order_by("-finished_at")[:NEW_AT_MOST]
    found = latest.values_list("photo", "photo__shown_as", "companion__photo")
    return {pk for photo, shown_as, kept_with in found if (pk := shown_as or photo or kept_with)}


def _shortage(now: Progress) -> Shortage | None:
    if not now.is_busy:
        return admission.of_new()
    return None if now.current or not now.active else admission.of_work()
