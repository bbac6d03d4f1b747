"""Queues photos that users have rotated, to be rendered with their new orientation."""

from collections import defaultdict
from collections.abc import Iterable

from albums.columns import orientation
from albums.models import Photo, Rendition
from processing.lib.iteration import chunks
from processing.rendering import presets, rerender

BATCH_SIZE = 500


def enqueue(photo_ids: Iterable[int]) -> None:
    """Queues the photos, in the transaction that changes their orientation.

    A photo that was turned back before it was rendered leaves the queue: its renditions are right as they are.
    """
    for chunk in chunks(photo_ids, BATCH_SIZE):
        rotated = Photo.objects.filter(pk__in=chunk)
        turned_back = rotated.filter(pk__in=_up_to_date(chunk))
        incomplete = [photo.pk for photo in rerender.select(turned_back, missing=True)]
        finished = turned_back.exclude(pk__in=incomplete)
        rerender.cancel(finished)
        rerender.enqueue(rotated.only("album").exclude(pk__in=finished.values("pk")))


def _up_to_date(photo_ids: list[int]) -> list[int]:
    """Returns the ids of the photos whose renditions all have the photo's orientation and the current recipe."""
    recipe = presets.current().identifier
    are_current: dict[int, set[bool]] = defaultdict(set)
    rows = Rendition.objects.filter(photo__in=photo_ids).order_by()
    for pk, mark, shown in rows.values_list("photo", "recipe", "photo__orientation"):
        are_current[pk].add(mark == orientation.marked(recipe, shown))
    return [pk for pk, answers in are_current.items() if answers == {True}]
