"""Where photos belong that return to their album when a move is undone: where they were, or where today's order wants them."""

from collections.abc import Sequence

from albums.models import Album, Operation, SortedBy
from albums.moving import stacks
from albums.moving.stacks import Stack
from albums.order import keys

Places = dict[int, list[int]]
"""Album and position of each photo, by the photo's id."""


def is_reordered(operation: Operation, album: Album) -> bool:
    """True if the former positions in the album mean nothing any more: it was sorted, or what it is sorted by was edited.

    Moving single photos by hand leaves the positions of the others as they were.
    """
    later = Operation.objects.filter(pk__gt=operation.pk).exclude(state=Operation.State.UNDONE)
    if later.filter(kind="sort", params__album=album.pk).exists():
        return True
    return album.sorted_by in keys.KEYS and later.filter(kind="edit").exists()


def positions(operation: Operation, album: Album, returning: Sequence[Stack], former: Places) -> dict[int, int]:
    """Returns the positions of the photos in their former album, whose order has changed.

    By hand: at the end, in their former order. In a sorted album, the caller lets `placing.place` move them on.
    """
    if album.sorted_by == SortedBy.UPLOADED:
        photos = [photo for stack in returning for photo in stack.photos]
        return {
            photo.pk: former[photo.pk][1] if photo.upload_position is None else photo.upload_position
            for photo in photos
        }
    return _at_end(operation, album, returning, former)


def _at_end(operation: Operation, album: Album, returning: Sequence[Stack], former: Places) -> dict[int, int]:
    """Undoing begins with the last step, so the first one to return gets the last of the positions."""
    ends = operation.params.setdefault("ends", {})
    if str(album.pk) not in ends:
        ends[str(album.pk)] = list(stacks.end_range(album.pk, operation.done))
    places: dict[int, int] = {}
    for stack in sorted(returning, key=lambda stack: former[stack.lead.pk][1], reverse=True):
        first, gap, free = ends[str(album.pk)]
        ends[str(album.pk)][2] = max(free - 1, 0)
        places |= {photo.pk: first + gap * max(free - 1, 0) for photo in stack.photos}
    return places
