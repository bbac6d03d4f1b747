"""Finds photos that look the same: the same picture in another size or format, or a very similar one. Only for display."""

from collections.abc import Iterator
from typing import Protocol

from django.db.models import Q

from albums.models import PerceptualHash, Photo

MAX_DISTANCE = 6
"""The maximum number of differing bits, of 64. processing/pipeline/render/perceptual_hash.py has the measurements."""
BANDS = ("first", "second", "third", "fourth")
BAND_BITS = 16
SAME_SHAPE = 0.03
"""The maximum relative difference of the aspect ratios. A larger one means a crop, not the same picture."""
LISTED = 12
MAX_CANDIDATES = 200
"""Candidates read from the database: a thousand scanned pages of one form all look the same."""


class HasSize(Protocol):
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


def build_hash(photo: Photo, perceptual_hash: str | None) -> PerceptualHash | None:
    """Returns the unsaved perceptual hash of a photo. `perceptual_hash`: the pipeline's sixteen hexadecimal digits."""
    if perceptual_hash is None:
        return None
    digits = BAND_BITS // 4
    bands = {name: int(perceptual_hash[index * digits : (index + 1) * digits], 16) for index, name in enumerate(BANDS)}
    return PerceptualHash(photo=photo, album_id=photo.album_id, **bands)


def save_hash(photo: Photo, perceptual_hash: str | None) -> None:
    """Replaces the photo's perceptual hash. Must be called with the photo's row locked."""
    PerceptualHash.objects.filter(photo=photo).delete()
    if new := build_hash(photo, perceptual_hash):
        new.save(force_insert=True)


def similar_photos(photo: Photo) -> list[Photo]:
    """Returns the photos shown in the same album that look the same, the nearest first; at most LISTED."""
    own = PerceptualHash.objects.filter(photo=photo).first()
    if own is None:
        return []
    distances = {pk: distance for pk, distance in _near(own) if pk != photo.pk}
    nearest = sorted(distances, key=lambda pk: (distances[pk], pk))[:MAX_CANDIDATES]
    photos = Photo.objects.shown().filter(pk__in=nearest).exclude(pk=photo.shown_as_id or photo.pk)
    similar = [candidate for candidate in photos.prefetch_related("renditions") if have_same_shape(photo, candidate)]
    return sorted(similar, key=lambda candidate: (distances[candidate.pk], candidate.position))[:LISTED]


def _near(own: PerceptualHash) -> Iterator[tuple[int, int]]:
    """Yields ids of photos and their distances. Thanks to the indexes, about a hundred of 100,000 hashes are compared."""
    one_band_near = Q()
    for name in BANDS:
        value = getattr(own, name)
        one_band_near |= Q(
            album=own.album_id, **{f"{name}__in": [value, *(value ^ 1 << bit for bit in range(BAND_BITS))]}
        )
    for pk, *bands in PerceptualHash.objects.filter(one_band_near).values_list("photo", *BANDS).iterator():
        distance = sum((band ^ getattr(own, name)).bit_count() for band, name in zip(bands, BANDS, strict=True))
        if distance <= MAX_DISTANCE:
            yield pk, distance


def have_same_shape(photo: HasSize, other: HasSize) -> bool:
    return abs(other.width * photo.height / (other.height * photo.width) - 1) <= SAME_SHAPE
