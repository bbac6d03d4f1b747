"""Windows of a list of photos, such as an album, by keyset: the time to read one does not depend on the list's length.

The query string names a window: `after` and `before` a photo as `<position>-<id>`, `from` a position or a photo,
which is included. Without them it is the first window. The URLs stay valid when photos are added or deleted.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict

from albums.models import Album, Photo, PhotoQuerySet

MAX_PHOTOS = 100
PHOTOS_ABOVE = 40
"""Photos above the requested one in its window. Same as PHOTOS_ABOVE in static/js/grid/scroll-position.js."""
PHOTOS_OF_OLD_PAGES = 500
"""Photos per page when albums had numbered pages (`?page=2`)."""
CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9]{1,18})", re.ASCII)
START = re.compile(r"(-?[0-9]{1,18})(?:-([0-9]{1,18}))?", re.ASCII)


@dataclass(frozen=True)
class PhotoList:
    """Photos with a column by which they are sorted. Its values are integers; photos with the same one are sorted by id."""

    photos: PhotoQuerySet
    column: str = "position"

    def starting_at(self, place: int, pk: int = 0) -> PhotoQuerySet:
        """The photos from that one on, or from the first at the place on."""
        photos = self._sorted(**{f"{self.column}__gte": place})
        return photos.exclude(**{self.column: place, "pk__lt": pk}) if pk else photos

    def after(self, place: int, pk: int) -> PhotoQuerySet:
        return self._sorted(**{f"{self.column}__gte": place}).exclude(**{self.column: place, "pk__lte": pk})

    def before(self, place: int, pk: int) -> PhotoQuerySet:
        """The photos before that one, the nearest first."""
        photos = self.photos.filter(**{f"{self.column}__lte": place}).exclude(**{self.column: place, "pk__gte": pk})
        return photos.order_by(f"-{self.column}", "-pk")

    def all(self) -> PhotoQuerySet:
        return self._sorted()

    def place(self, photo: Photo) -> tuple[int, int]:
        """The value of the column, and the id."""
        return getattr(photo, self.column), photo.pk

    def _sorted(self, **condition: int) -> PhotoQuerySet:
        return self.photos.filter(**condition).order_by(self.column, "pk")


@dataclass(frozen=True)
class Window:
    """At most MAX_PHOTOS photos in the order of their list. Reads them when a template asks for them first."""

    source: PhotoList
    rows: PhotoQuerySet
    is_reversed: bool = False
    is_first: bool = False

    @cached_property
    def photos(self) -> list[Photo]:
        photos = self._rows[:MAX_PHOTOS]
        return photos[::-1] if self.is_reversed else photos

    @property
    def previous(self) -> str:
        """The query string of the window before this one; empty if there is none."""
        return f"before={self._cursor(0)}" if self.photos and self._has_previous else ""

    @property
    def next(self) -> str:
        return f"after={self._cursor(-1)}" if self.photos and self._has_next else ""

    @cached_property
    def _rows(self) -> list[Photo]:
        """One photo more than the window has shows that there is another window."""
        photos = self.rows.prefetch_related("renditions", "halves", "companions")
        return list(photos.defer("caption", "edited_caption", "keywords", "edited_keywords")[: MAX_PHOTOS + 1])

    @cached_property
    def _has_previous(self) -> bool:
        if self.is_reversed or self.is_first:
            return self.is_reversed and len(self._rows) > MAX_PHOTOS
        return self.source.before(*self.source.place(self.photos[0])).exists()

    @cached_property
    def _has_next(self) -> bool:
        if self.is_reversed:
            return self.source.after(*self.source.place(self.photos[-1])).exists()
        return len(self._rows) > MAX_PHOTOS

    def _cursor(self, index: int) -> str:
        place, pk = self.source.place(self.photos[index])
        return f"{place}-{pk}"


def window(album: Album, query: QueryDict) -> Window:
    """Returns the window of the album that the query string names, the first one for an invalid query string."""
    return window_of(PhotoList(album.photos.shown()), query)


def window_of(source: PhotoList, query: QueryDict) -> Window:
    """As `window`, for any list of photos."""
    if match := CURSOR.fullmatch(query.get("after", "")):
        return Window(source, source.after(*map(int, match.groups())))
    if match := CURSOR.fullmatch(query.get("before", "")):
        return Window(source, source.before(*map(int, match.groups())), is_reversed=True)
    if match := START.fullmatch(query.get("from", "")):
        return Window(source, source.starting_at(int(match[1]), int(match[2] or 0)))
    return Window(source, source.all(), is_first=True)


def url_from(album: Album, position: int) -> str:
    """Returns the URL of the window that begins with the first photo at or after the position."""
    return f"{album.get_absolute_url()}?from={position}"


def url_of(photo: Photo) -> str:
    """Returns the URL of a window that contains the photo and up to PHOTOS_ABOVE photos before it, with the tile as fragment."""
    first = first_of_window(PhotoList(photo.album.photos.shown()), photo)
    url = photo.album.get_absolute_url() if first is None else url_from(photo.album, first[0])
    return f"{url}#photo-{photo.pk}"


def first_of_window(source: PhotoList, photo: Photo) -> tuple[int, int] | None:
    """Returns place and id of the photo with which a window begins that has the photo and PHOTOS_ABOVE before it.

    None for the first window.
    """
    preceding = source.before(*source.place(photo)).values_list(source.column, "pk")
    return preceding[PHOTOS_ABOVE : PHOTOS_ABOVE + 1].first()


def url_of_old_page(album: Album, page: str) -> str:
    """Returns the URL of the window that begins where the numbered page began."""
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
    first = (number - 1) * PHOTOS_OF_OLD_PAGES
    positions = album.photos.shown().values_list("position", flat=True)[first : first + 1] if first > 0 else ()
    return next((url_from(album, position) for position in positions), album.get_absolute_url())
