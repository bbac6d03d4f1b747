"""Photos that look the same: the same picture in another size or format, or one very like it. Pointed out, never acted upon."""

from collections.abc import Iterator

from django.db.models import Q

from albums.models import Look, Photo

NEAR = 6
"""Bits in which two looks may differ, of 64. Measured where they are made: processing/pipeline/render/perceptual_hash.py."""
BANDS = ("first", "second", "third", "fourth")
BAND_BITS = 16
SAME_SHAPE = 0.03
"""How far apart the sides' ratios may be, for the same picture is no crop of itself."""
LISTED = 12
MOST = 200
"""Looked at closer: a thousand pages of one form all look the same."""


def look(photo: Photo, likeness: str | None) -> Look | None:
    """The unsaved look of a photo, of the pipeline's sixteen hexadecimal digits."""
    if likeness is None:
        return None
    digits = BAND_BITS // 4
    bands = {name: int(likeness[at * digits : (at + 1) * digits], 16) for at, name in enumerate(BANDS)}
    return Look(photo=photo, album_id=photo.album_id, **bands)


def note(photo: Photo, likeness: str | None) -> None:
    """In place of what was known. Call it with the photo's row locked."""
    Look.objects.filter(photo=photo).delete()
    if new := look(photo, likeness):
        new.save(force_insert=True)


def alike(photo: Photo) -> list[Photo]:
    """Those shown in its album that look the same, the nearest first; at most LISTED of them."""
    own = Look.objects.filter(photo=photo).first()
    if own is None:
        return []
    found = {pk: apart for pk, apart in _near(own) if pk != photo.pk}
    nearest = sorted(found, key=lambda pk: (found[pk], pk))[:MOST]
    others = Photo.objects.shown().filter(pk__in=nearest).exclude(pk=photo.shown_as_id or photo.pk)
    same = [other for other in others.prefetch_related("renditions") if _is_of_its_shape(other, photo)]
    return sorted(same, key=lambda other: (found[other.pk], other.position))[:LISTED]


def _near(own: Look) -> Iterator[tuple[int, int]]:
    """The photo and its distance. Found by the indexes alone: of 100,000 looks about a hundred are compared."""
    a_bit_apart = Q()
    for name in BANDS:
        value = getattr(own, name)
        a_bit_apart |= Q(
            album=own.album_id, **{f"{name}__in": [value, *(value ^ 1 << bit for bit in range(BAND_BITS))]}
        )
    for pk, *bands in Look.objects.filter(a_bit_apart).values_list("photo", *BANDS).iterator():
        apart = sum((band ^ getattr(own, name)).bit_count() for band, name in zip(bands, BANDS, strict=True))
        if apart <= NEAR:
            yield pk, apart


def _is_of_its_shape(one: Photo, other: Photo) -> bool:
    return abs(one.width * other.height / (one.height * other.width) - 1) <= SAME_SHAPE
