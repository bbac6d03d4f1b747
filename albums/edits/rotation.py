"""The action that rotates or mirrors photos: `params` are `{"turn": one of orientation.TURNS}`.

The photo's row gets another orientation, and its width and height change places for a quarter turn. `rotated` is sent in the same
transaction, so that no photo stays without its renditions being made again.
"""

from collections import defaultdict
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.dispatch import Signal

from albums import operations
from albums.columns import orientation
from albums.edits import columns
from albums.models import Operation, Photo
from albums.operations import Action, Result
from albums.selection import Selection

rotated = Signal()
"""Sent with `photo_ids` when the orientations of photos have changed, in the transaction that changes them."""

LABELS = {"right": "rotated right", "left": "rotated left", "180": "turned upside down", "flip": "flipped"}


def rotate(user: User, selection: Selection, turn: str) -> Operation:
    """Applies one of orientation.TURNS. Raises SelectionError."""
    return operations.start(user, Rotate.kind, {"turn": turn}, selection)


class Rotate(Action):
    kind = "rotate"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        turn = orientation.TURNS[operation.params["turn"]]
        ids_by_orientation: dict[int, list[int]] = defaultdict(list)
        for photo in photos:
            ids_by_orientation[photo.orientation].append(photo.pk)
        inverse: list[tuple[list[int], int, int]] = [
            (ids, before, orientation.composed(before, turn)) for before, ids in ids_by_orientation.items()
        ]
        for ids, before, after in inverse:
            _write(ids, before, after)
        _announce([photo.pk for photo in photos])
        return Result(inverse, len(photos))

    def undo(self, operation: Operation, inverse: Any) -> int:
        assert isinstance(operation.user, User)
        ids = [pk for group, _, _ in inverse for pk in group]
        photos = columns.lock(operation.user, ids)
        restored: list[int] = []
        for group, before, after in inverse:
            unchanged = [pk for pk in group if pk in photos and photos[pk].orientation == after]
            _write(unchanged, after, before)
            restored += unchanged
        _announce(restored)
        return len(ids) - len(restored)

    def summary(self, operation: Operation) -> str:
        photos = "Photo" if operation.total == 1 else f"{operation.done:,} photo{'' if operation.done == 1 else 's'}"
        return f"{photos} {LABELS[operation.params['turn']]}."


def _write(ids: list[int], before: int, after: int) -> None:
    values: dict[str, Any] = {"orientation": after}
    if orientation.swaps_sides(before) != orientation.swaps_sides(after):
        values |= {"width": F("height"), "height": F("width")}
    Photo.objects.filter(pk__in=ids).update(**values)


def _announce(photo_ids: list[int]) -> None:
    if photo_ids:
        rotated.send(sender=Photo, photo_ids=photo_ids)
