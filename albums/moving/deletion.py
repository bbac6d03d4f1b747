"""The actions that delete photos: to the trash, from which undoing restores them, or permanently if there is no trash."""

from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from albums import removal, trash
from albums.models import Album, Operation, Photo, PhotoQuerySet
from albums.moving import wording
from albums.operations import Action, Result


class Delete(Action):
    kind = "delete"

    def eligible(self, operation: Operation, photos: PhotoQuerySet) -> PhotoQuerySet:
        return photos.filter(album__in=Album.objects.emptiable_by(operation.user))

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        now = timezone.now()
        ids = [photo.pk for photo in photos]
        trash.move_all_to_trash(ids, now)
        if operation.total == 1:
            operation.params |= {"name": photos[0].name, "album": photos[0].album_id}
        return Result({"at": now.isoformat(), "photos": ids} if ids else None, len(ids))

    def undo(self, operation: Operation, inverse: Any) -> int:
        """Restores the photos that were not restored or deleted permanently meanwhile."""
        trashed_at = parse_datetime(inverse["at"])
        assert trashed_at is not None
        open_photos = Photo.objects.visible_to(operation.user).filter(pk__in=inverse["photos"])
        return len(inverse["photos"]) - trash.restore_selected(open_photos, trashed_at)

    def summary(self, operation: Operation) -> str:
        return wording.trashed(operation)


class DeletePermanently(Delete):
    kind = "delete-permanently"
    is_undoable = False
    step_photos = 100
    """The files are deleted one by one after the step."""

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        removal.delete_photos(Photo.objects.filter(pk__in=[photo.pk for photo in photos]))
        return Result(None, len(photos))

    def summary(self, operation: Operation) -> str:
        return f"{wording.photos_were(operation.done)} deleted permanently."
