"""The upload panel's template context, shared by the page, the poll and every action."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from albums.models import Album, Photo
from processing.capacity import admission
from processing.capacity.admission import CapacityProblem
from processing.jobs import workers
from processing.models import ProcessingJob, deadlines
from processing.models.states import JobState
from processing.queries import album_progress, album_report
from processing.queries.album_progress import Progress
from processing.queries.album_report import Report
from processing.uploads import batches

MAX_NEW_PHOTOS = 100
"""New photos in one response to a poll. The next response contains more."""
FAST_POLL_FILES = 3
"""Up to this many unfinished files, the page polls every 500 ms."""
COMMIT_DELAY = timedelta(seconds=3)
"""A job that finished this shortly before a response may have been committed after it, since several workers run in parallel."""
MAX_LOOKBACK = timedelta(minutes=10)
"""A poll returns no changes older than this, which limits its query. The page shows older changes after a reload."""


@dataclass(frozen=True, slots=True)
class Panel:
    album: Album
    progress: Progress
    report: Report
    token: uuid.UUID
    error: str = ""
    new_photos: tuple[Photo, ...] = ()
    seen: int = 0
    """The id of the newest photo on the page. The next poll returns later ones."""
    at: int = 0
    """The time of this panel in seconds since 1970. The next poll also returns photos that were changed since."""
    photo_count: int = 0
    shortage: CapacityProblem | None = None
    """Why no photos can be uploaded; while jobs are pending, why none is developed."""
    has_worker: bool = True
    """True if nothing is pending or a worker is running."""

    @property
    def poll_query(self) -> str:
        """The query string of the next poll, which says what the page already shows."""
        return f"seen={self.seen}&since={self.at}"

    @property
    def is_blocked_by_shortage(self) -> bool:
        """True if only the shortage keeps a worker from continuing."""
        return self.has_worker and self.shortage is not None

    @property
    def is_polled(self) -> bool:
        """True while the album is busy, and until the page has every photo: a full response may have been followed by more."""
        return self.progress.is_busy or len(self.new_photos) == MAX_NEW_PHOTOS

    @property
    def polled_every(self) -> str:
        """The polling interval in htmx's syntax: shorter for the last few files."""
        return "500ms" if self.progress.receiving + self.progress.active <= FAST_POLL_FILES else "1s"

    @property
    def max_files(self) -> int:
        return settings.MAX_BATCH_FILES

    @property
    def max_bytes(self) -> int:
        return settings.MAX_FILE_BYTES


def build(album: Album, *, seen: int | None = None, since: int | None = None, error: str = "") -> Panel:
    """Returns the album's panel.

    `seen` is the id of the newest photo that the page already shows, None if the page is just being rendered. `since` is the
    time of the page's last response, in seconds since 1970.
    """
    at = int(timezone.now().timestamp())
    progress = album_progress.build(album)
    if progress.is_receiving and progress.quiet_seconds >= deadlines.SILENCE_SECONDS and batches.release(album):
        progress = album_progress.build(album)
    shown = album.photos.shown()
    newest = shown.order_by("-pk").values_list("pk", flat=True).first() or 0
    fresh: tuple[Photo, ...] = ()
    last_response = None if since is None else datetime.fromtimestamp(since, UTC) - COMMIT_DELAY
    changed = _changed(album, last_response) if last_response else set()
    if seen is not None and (newest > seen or changed):
        photos = shown.filter(Q(pk__gt=seen) | Q(pk__in=changed)).order_by("pk")
        fresh = tuple(photos.prefetch_related("renditions", "halves", "companions")[:MAX_NEW_PHOTOS])
        newest = max(seen, fresh[-1].pk) if fresh else newest
    return Panel(
        album=album,
        progress=progress,
        report=album_report.build(album, last_response),
        token=uuid.uuid4(),
        error=error,
        new_photos=fresh,
        seen=newest,
        at=at,
        photo_count=shown.count(),
        shortage=_shortage(progress),
        has_worker=not progress.active or workers.running().exists(),
    )


def _changed(album: Album, since: datetime) -> set[int]:
    """Returns the ids of the latest photos that were published since then, or got a RAW, a video or a sidecar."""
    since = max(since, timezone.now() - MAX_LOOKBACK)
    completed = ProcessingJob.objects.filter(album=album, state=JobState.COMPLETED, finished_at__gte=since)
    latest = completed.order_by("-finished_at")[:MAX_NEW_PHOTOS]
    photo_ids = latest.values_list("photo", "photo__shown_as", "companion__photo")
    return {pk for photo, shown_as, companion_of in photo_ids if (pk := shown_as or photo or companion_of)}


def _shortage(progress: Progress) -> CapacityProblem | None:
    if not progress.is_busy:
        return admission.for_new_file()
    return None if progress.current or not progress.active else admission.for_worker()
