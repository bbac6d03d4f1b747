"""The operations of sorting an album, and of moving photos within it. Both have one step."""

from typing import Any

from django.db.models import Q
from django.template.defaultfilters import pluralize

from albums.models import Album, Operation, Photo, SortedBy
from albums.operations import Action, Result, register
from albums.order import moving, positions
from albums.order.moving import Target
from albums.selection import Selection

PHRASES = {
    SortedBy.UPLOADED: "by upload time",
    SortedBy.TAKEN: "by date taken, oldest first",
    SortedBy.NEWEST: "by date taken, newest first",
    SortedBy.NAME: "by file name",
    SortedBy.RATING: "by rating",
}


class Reorder(Action):
    """What both have in common: they hold the album's lock, and restore its positions and how it is sorted."""

    def undo(self, operation: Operation, inverse: Any) -> int:
        album = _lock(operation)
        if album is None:
            return operation.done
        unrestored = positions.restore(album.pk, operation)
        if album.sorted_by == inverse["after"]:
            Album.objects.filter(pk=album.pk).update(sorted_by=inverse["before"])
        return unrestored

    def _set_order(self, album: Album, sorted_by: str) -> dict[str, str]:
        """Returns the inverse."""
        Album.objects.filter(pk=album.pk).update(sorted_by=sorted_by)
        return {"before": album.sorted_by, "after": sorted_by}


class Sort(Reorder):
    """Parameters: `album`, `sorted_by`."""

    kind = "sort"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        album = _lock(operation)
        if album is None:
            return Result(None, 0)
        sorted_by = operation.params["sorted_by"]
        if sorted_by != SortedBy.MANUAL:
            positions.sort(album.pk, sorted_by, operation)
        return Result(self._set_order(album, sorted_by), max(1, album.photos.shown().count()))

    def summary(self, operation: Operation) -> str:
        phrase = PHRASES.get(operation.params["sorted_by"])
        return f"Sorted {phrase}." if phrase else "The order is manual now."


class Place(Reorder):
    """Parameters: `album`, `selection`, `photo` and `is_behind` (the target)."""

    kind = "place"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        album = _lock(operation)
        if album is None:
            return Result(None, 0)
        target = Target(operation.params["photo"], operation.params["is_behind"])
        selection = Selection.from_json(operation.params["selection"])
        selected = selection.photos(operation.user).filter(~Q(pk=target.photo_id), album=album)
        photo_ids = list(selected.order_by("position", "pk").values_list("pk", flat=True))
        if photo_ids:
            moving.move(album.pk, photo_ids, target, operation)
        return Result(self._set_order(album, SortedBy.MANUAL), len(photo_ids))

    def summary(self, operation: Operation) -> str:
        count = operation.done
        return f"{count:,} photo{pluralize(count)} moved."


def _lock(operation: Operation) -> Album | None:
    """Locks the album. Returns None if it is gone, in the trash, or no longer the user's to change."""
    albums = Album.objects.visible_to(operation.user).select_for_update(no_key=True)
    return albums.filter(pk=operation.params["album"]).first()


def connect() -> None:
    register(Sort())
    register(Place())
