"""Groups of photos of one album that look alike, found by their perceptual hashes.

Two photos are in one group if they look alike, or if a chain of similar photos connects them: a burst is one group.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile

from albums.models import Album, KeptSimilar, Photo, Rendition
from albums.similar.hashes import BAND_BITS, BANDS, MAX_DISTANCE, have_same_shape

MAX_GROUPS = 20
MAX_SEARCHED = 5_000
"""The number of photos that a request compares with all others; the next page continues.

In an album of 100,000 photos, a request reads all hashes in 0.7 s and searches these in 0.6 s of CPU.
"""
MAX_COMPARED = 5_000_000
"""Comparisons per request, of about 0.2 µs each. Albums with many photos that resemble each other in part reach this limit."""
MAX_GROUP = 60
"""Photos shown of a group. The other ones form a group after some of these are deleted."""
COMPARED_EDGE = 800


@dataclass(frozen=True, slots=True)
class Group:
    """Photos that look alike, the sharpest first."""

    photos: list[Photo]

    @property
    def sharpest(self) -> Photo:
        return self.photos[0]


@dataclass(frozen=True, slots=True)
class Page:
    groups: list[Group]
    next: int | None
    """The position from which the next page searches; None if this page has searched the rest of the album."""


def page(album: Album, start: int | None = None) -> Page:
    """Returns the next groups, which begin at or after the position `start`."""
    hashes = _Hashes(album)
    groups: list[list[int]] = []
    following = dropwhile(lambda item: start is not None and item[1].position < start, hashes.photos.items())
    for searched, (pk, photo) in enumerate(following):
        if searched >= MAX_SEARCHED or hashes.compared >= MAX_COMPARED:
            return Page(_loaded(groups), photo.position)
        group = hashes.take_group(pk)
        if len(group) < 2 or (start is not None and any(hashes.photos[member].position < start for member in group)):
            continue
        if len(groups) >= MAX_GROUPS:
            return Page(_loaded(groups), photo.position)
        groups.append(group)
    return Page(_loaded(groups), None)


def detail(photo: Photo) -> tuple[int, int]:
    """Returns a measure of the photo's detail: of similar photos, the sharpest has the largest. Uses prefetched renditions.

    First the megapixels, rounded. Then the bytes of the rendition of COMPARED_EDGE: all are encoded with the same quality, and a
    blurred picture takes fewer.
    """
    webp = [row for row in photo.renditions.all() if row.format == Rendition.Format.WEBP]
    compared = min(webp, key=lambda row: abs(row.edge - COMPARED_EDGE), default=None)
    return round(photo.width * photo.height / 1e6), compared.bytes if compared else 0


@dataclass(frozen=True, slots=True)
class _Hashed:
    position: int
    width: int
    height: int
    bands: tuple[int, ...]


class _Hashes:
    """The perceptual hashes of an album's photos in memory, in the album's order."""

    def __init__(self, album: Album) -> None:
        shown = album.photos.shown().exclude(perceptual_hash=None).order_by("position", "pk")
        columns = ("pk", "position", "width", "height", *(f"perceptual_hash__{band}" for band in BANDS))
        self.photos: dict[int, _Hashed] = {}
        self._with_band: list[dict[int, list[int]]] = [defaultdict(list) for _ in BANDS]
        self._bits: dict[int, int] = {}
        self._taken: set[int] = set()
        self.compared = 0
        for pk, position, width, height, *bands in shown.values_list(*columns).iterator():
            self.photos[pk] = _Hashed(position, width, height, tuple(bands))
            self._bits[pk] = sum(band << index * BAND_BITS for index, band in enumerate(bands))
            for photos, band in zip(self._with_band, bands, strict=True):
                photos[band].append(pk)

    def take_group(self, pk: int) -> list[int]:
        """Returns the ids of the photo's group, itself included. Each photo is taken once: later its group is empty.

        After MAX_COMPARED comparisons, photos that only resemble the last ones found are left for another group.
        """
        group: list[int] = []
        waiting = [] if pk in self._taken else [pk]
        self._taken.update(waiting)
        while waiting and self.compared < MAX_COMPARED:
            group.append(waiting.pop())
            similar = {candidate for candidate in self._similar(group[-1]) if candidate not in self._taken}
            self._taken |= similar
            waiting += similar
        return group + waiting

    def _similar(self, pk: int) -> Iterator[int]:
        """Yields the photos that look like this one: they have a band that differs in at most one bit."""
        own, bits = self.photos[pk], self._bits[pk]
        for photos, band in zip(self._with_band, own.bands, strict=True):
            for value in (band, *(band ^ 1 << bit for bit in range(BAND_BITS))):
                if not (others := photos.get(value)):
                    continue
                # Without this, a group of many thousand equal photos would take the square of that.
                photos[value] = others = [other for other in others if other not in self._taken]
                self.compared += len(others)
                for other in others:
                    # A hundred comparisons per photo of a large album: a function for them would take twice the time.
                    is_near = (bits ^ self._bits[other]).bit_count() <= MAX_DISTANCE
                    if is_near and have_same_shape(own, self.photos[other]):
                        yield other


def _loaded(groups: list[list[int]]) -> list[Group]:
    """Loads the photos of the groups, without the groups that are to be kept as they are."""
    ids = [pk for group in groups for pk in group[:MAX_GROUP]]
    photos = Photo.objects.filter(pk__in=ids).prefetch_related("renditions").in_bulk()
    kept_sets: dict[int, set[uuid.UUID]] = defaultdict(set)
    for pk, kept_set in KeptSimilar.objects.filter(photo__in=ids).values_list("photo", "kept_set"):
        kept_sets[pk].add(kept_set)
    return [
        Group(sorted((photos[pk] for pk in group[:MAX_GROUP] if pk in photos), key=detail, reverse=True))
        for group in groups
        if not set.intersection(*(kept_sets[pk] for pk in group))
    ]
