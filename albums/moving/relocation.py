"""The action that moves photos to the end of another album, in the order in which they were."""

from collections.abc import Sequence
from typing import Any

from albums.models import Album, Operation, Photo, PhotoQuerySet
from albums.moving import new_album, places, restoring, stacks, wording
from albums.operations import Action, Losses, Result
from albums.order import placing


class Move(Action):
    kind = "move"
    is_ordered = True

    def eligible(self, operation: Operation, photos: PhotoQuerySet) -> PhotoQuerySet:
        """The photos in other albums that the user may take away, as if they were deleted there."""
        sources = Album.objects.emptiable_by(operation.user)
        return photos.exclude(album=operation.params["album"]).filter(album__in=sources)

    def lock(self, operation: Operation, photos: PhotoQuerySet) -> None:
        places.lock({operation.params["album"], *photos.values_list("album_id", flat=True)})

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        target_id = operation.params["album"]
        if not places.is_open_to(Album.objects.filter(pk=target_id).first(), operation.user):
            return Result(None, 0, len(photos))
        moving = stacks.without_known(stacks.read(photos), target_id)
        operation.params["known"] += len(photos) - len(moving)
        before = [[[photo.pk, photo.album_id, photo.position] for photo in stack.photos] for stack in moving]
        moved = [photo for stack in moving for photo in stack.photos]
        positions = stacks.end_positions(target_id, len(moved) + operation.total - operation.done)
        for photo in moved:
            photo.album_id, photo.position = target_id, next(positions)
        places.put(moved)
        placing.place(target_id, [photo.pk for photo in moved])
        covers = places.release_covers([photo.pk for photo in moved])
        inverse = {"stacks": before, "covers": covers} if moving else None
        return Result(inverse, len(moving), len(photos) - len(moving))

    def undo(self, operation: Operation, inverse: Any) -> int:
        """Puts back what is still in the album that it was moved to, and is not in the trash.

        The user needs the permission to take photos away from there, as for any move.
        """
        rows = inverse["stacks"]
        target_id = operation.params["album"]
        albums = places.lock({target_id, *(album_id for stack in rows for _, album_id, _ in stack)})
        open_ids = {pk for pk, album in albums.items() if places.is_open_to(album, operation.user)}
        may_take = target_id in open_ids and albums[target_id].is_emptiable_by(operation.user)
        returning = _unchanged(rows, target_id) if may_take else []
        former = {pk: place for stack in rows for pk, *place in stack}
        back = [
            photo
            for pk in sorted(open_ids - {target_id})
            for photo in _return(
                operation, albums[pk], [stack for stack in returning if former[stack.lead.pk][0] == pk], former
            )
        ]
        places.restore_covers(inverse["covers"], {photo.pk for photo in back})
        return len(rows) - sum(photo.shown_as_id is None for photo in back)

    def finish_undo(self, operation: Operation) -> None:
        new_album.delete_untouched(operation)

    def summary(self, operation: Operation) -> str:
        return wording.placed(operation, "moved")

    def losses(self, operation: Operation) -> Losses:
        return Losses("photos-moved", places.target_to_empty(operation))


def _unchanged(rows: Sequence[Any], target_id: int) -> list[stacks.Stack]:
    """The stacks that are still in the album, with the same photos as when they were moved."""
    photos = Photo.objects.shown().filter(album=target_id, pk__in=[stack[0][0] for stack in rows])
    moved = {stack[0][0]: {pk for pk, *_ in stack} for stack in rows}
    stacks_of_photos = stacks.read(list(photos.select_for_update(of=("self",))))
    return [stack for stack in stacks_of_photos if {photo.pk for photo in stack.photos} == moved[stack.lead.pk]]


def _return(operation: Operation, album: Album, group: list[stacks.Stack], former: restoring.Places) -> list[Photo]:
    """Puts those back into their former album that it does not have already. Returns their photos.

    They get their former positions, unless the order of the album has changed.
    """
    free = stacks.without_known(group, album.pk)
    photos = [photo for stack in free for photo in stack.photos]
    if not photos:
        return []
    is_reordered = restoring.is_reordered(operation, album)
    places_today = restoring.positions(operation, album, free, former) if is_reordered else {}
    for photo in photos:
        photo.album_id, photo.position = album.pk, places_today.get(photo.pk, former[photo.pk][1])
    places.put(photos)
    if is_reordered:
        placing.place(album.pk, [photo.pk for photo in photos])
    return photos
