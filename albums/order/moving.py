"""Moves photos within their album: to before or behind another one, to the end, or to a number."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from albums.models import Album, Operation, Photo, PhotoQuerySet, SortedBy
from albums.order import positions, spacing


@dataclass(frozen=True, slots=True)
class Target:
    """A place in an album: next to a photo, or at the end without one."""

    photo_id: int | None = None
    is_behind: bool = False
    """Behind the photo instead of before it."""


def move(album_id: int, photo_ids: Sequence[int], target: Target, operation: Operation) -> None:
    """Moves the photos, in the order given. Must be called under the album's lock; `photo_ids` are without the target.

    A photo that left the album meanwhile is not moved. Without the target, the photos are moved to the end.
    """
    places = _places(album_id, photo_ids, target)
    if not places:
        # More than a thousand photos next to each other without gaps.
        positions.sort(album_id, SortedBy.MANUAL, operation)
        places = _places(album_id, photo_ids, target)
    positions.assign(places, operation)


def nth(album: Album, number: int, photo: Photo) -> Target:
    """Returns where the photo is the `number`th that pages show, from 1. Numbers outside of the album mean its ends."""
    others = album.photos.shown().exclude(pk=photo.pk)
    photo_id = others.values_list("pk", flat=True)[max(0, number - 1) :].first()
    return Target(photo_id)


def number_of(photo: Photo) -> int:
    """Returns which of the photos that pages show this is, from 1."""
    is_before = Q(position__lt=photo.position) | Q(position=photo.position, pk__lt=photo.pk)
    return photo.album.photos.shown().filter(is_before, position__lte=photo.position).count() + 1


def _places(album_id: int, photo_ids: Sequence[int], target: Target) -> dict[int, int]:
    others = Photo.objects.filter(album=album_id).leading().exclude(pk__in=photo_ids)
    before, behind = _sides(others, target)
    # Nearly always there is room between the two nearest photos, and reading a thousand others takes as long as all the rest.
    for reaches in (spacing.REACHES[:1], spacing.REACHES[1:]):
        count = reaches[-1] + 1
        below = before.order_by("-position", "-pk").values_list("pk", "position")[:count]
        right = behind.order_by("position", "pk").values_list("pk", "position")[:count]
        if places := spacing.insert(list(below)[::-1], list(right), photo_ids, spacing.now(), reaches):
            return places
    return {}


def _sides(others: PhotoQuerySet, target: Target) -> tuple[PhotoQuerySet, PhotoQuerySet]:
    """Returns the photos before and behind the target, which is among them."""
    anchor = others.filter(pk=target.photo_id).values_list("position", "pk").first() if target.photo_id else None
    if anchor is None:
        return others, others.none()
    position, pk = anchor
    is_before = Q(position__lt=position) | Q(position=position, pk__lt=pk)
    is_behind = Q(position__gt=position) | Q(position=position, pk__gt=pk)
    if target.is_behind:
        return others.filter(is_before | Q(pk=pk), position__lte=position), others.filter(
            is_behind, position__gte=position
        )
    return others.filter(is_before, position__lte=position), others.filter(is_behind | Q(pk=pk), position__gte=position)
