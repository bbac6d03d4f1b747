"""The upload panel's context: one for the page, the poll and every action, so that they cannot differ."""

import uuid
from dataclasses import dataclass

from django.conf import settings

from albums.models import Album, Photo
from processing import pressure, progress, pulse
from processing.pressure import Shortage
from processing.progress import Progress, Report

NEW_AT_MOST = 100
"""Photos sent along with one poll. More come with the next."""
FEW = 3


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
    photo_count: int = 0
    shortage: Shortage | None = None
    """Why no photos can be sent now; or, while some wait, why none is developed."""
    is_worked_on: bool = True
    """Is there a worker to do what waits?"""

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


def of(album: Album, *, seen: int | None = None, error: str = "") -> Panel:
    """`seen`: the newest photo id that the page shows already; None when the page is just being made."""
    now = progress.of(album)
    shown = album.photos.shown()
    newest = shown.order_by("-pk").values_list("pk", flat=True).first() or 0
    fresh: tuple[Photo, ...] = ()
    if seen is not None and newest > seen:
        photos = shown.filter(pk__gt=seen).order_by("pk").prefetch_related("renditions", "halves", "companions")
        fresh = tuple(photos[:NEW_AT_MOST])
        newest = fresh[-1].pk if fresh else newest
    return Panel(
        album=album,
        progress=now,
        report=progress.report(album),
        token=uuid.uuid4(),
        error=error,
        fresh=fresh,
        seen=newest,
        photo_count=shown.count(),
        shortage=_shortage(now),
        is_worked_on=not now.active or pulse.alive().exists(),
    )


def _shortage(now: Progress) -> Shortage | None:
    if not now.is_busy:
        return pressure.of_new()
    return None if now.current or not now.active else pressure.of_work()
