"""Windows of an album's photos by keyset: the time to read one does not depend on the album's size.

The query string names a window: `after` and `before` a photo as `<position>-<id>`, `from` a position, which is included. Without
them it is the first window. The URLs stay valid when photos are added or deleted.
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
POSITION = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class Window:
    """At most MAX_PHOTOS photos in the album's order. Reads them when a template asks for them first."""

    album: Album
    rows: PhotoQuerySet
    is_reversed: bool = False

    @cached_property
    def photos(self) -> list[Photo]:
        photos = self._rows[:MAX_PHOTOS]
        return photos[::-1] if self.is_reversed else photos

    @property
    def previous(self) -> str:
        """The query string of the window before this one; empty if there is none."""
        return f"before={cursor(self.photos[0])}" if self.photos and self._has_previous else ""

    @property
    def next(self) -> str:
        return f"after={cursor(self.photos[-1])}" if self.photos and self._has_next else ""

    @cached_property
    def _rows(self) -> list[Photo]:
        """One photo more than the window has shows that there is another window."""
        photos = self.rows.prefetch_related("renditions", "halves", "companions")
        return list(photos.defer("caption", "keywords")[: MAX_PHOTOS + 1])

    @cached_property
    def _has_previous(self) -> bool:
        if self.is_reversed:
            return len(self._rows) > MAX_PHOTOS
        return before(self.album, self.photos[0].position, self.photos[0].pk).exists()

    @cached_property
    def _has_next(self) -> bool:
        if self.is_reversed:
            return after(self.album, self.photos[-1].position, self.photos[-1].pk).exists()
        return len(self._rows) > MAX_PHOTOS


def window(album: Album, query: QueryDict) -> Window:
    """Returns the window that the query string names, the first one for an invalid query string."""
    if match := CURSOR.fullmatch(query.get("after", "")):
        return Window(album, after(album, *map(int, match.groups())))
    if match := CURSOR.fullmatch(query.get("before", "")):
        return Window(album, before(album, *map(int, match.groups())), is_reversed=True)
    if match := POSITION.fullmatch(query.get("from", "")):
        return Window(album, album.photos.shown().filter(position__gte=int(match.group())))
    return Window(album, album.photos.shown())


def cursor(photo: Photo) -> str:
    return f"{photo.position}-{photo.pk}"


def after(album: Album, position: int, pk: int) -> PhotoQuerySet:
    return album.photos.shown().filter(position__gte=position).exclude(position=position, pk__lte=pk)


def before(album: Album, position: int, pk: int) -> PhotoQuerySet:
    """The photos before that one, the nearest first."""
    photos = album.photos.shown().filter(position__lte=position).exclude(position=position, pk__gte=pk)
    return photos.order_by("-position", "-pk")


def url_from(album: Album, position: int) -> str:
    """Returns the URL of the window that begins with the first photo at or after the position."""
    return f"{album.get_absolute_url()}?from={position}"


def url_of(photo: Photo) -> str:
    """Returns the URL of a window that contains the photo and up to PHOTOS_ABOVE photos before it, with the tile as fragment."""
    preceding = before(photo.album, photo.position, photo.pk).values_list("position", flat=True)
    first = preceding[PHOTOS_ABOVE : PHOTOS_ABOVE + 1].first()
    url = photo.album.get_absolute_url() if first is None else url_from(photo.album, first)
    return f"{url}#photo-{photo.pk}"


def url_of_old_page(album: Album, page: str) -> str:
    """Returns the URL of the window that begins where the numbered page began."""
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
    first = (number - 1) * PHOTOS_OF_OLD_PAGES
    positions = album.photos.shown().values_list("position", flat=True)[first : first + 1] if first > 0 else ()
    return next((url_from(album, position) for position in positions), album.get_absolute_url())
