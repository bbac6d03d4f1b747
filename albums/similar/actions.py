"""Keeps similar photos, so that they are not shown as similar again."""

import uuid
from typing import Any

from albums.models import KeptSimilar, Operation, Photo
from albums.operations import Action, Result


class KeepAll(Action):
    kind = "keep-similar"

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        kept_set = uuid.UUID(operation.params["set"])
        KeptSimilar.objects.bulk_create(KeptSimilar(photo=photo, kept_set=kept_set) for photo in photos)
        return Result([photo.pk for photo in photos], len(photos))

    def undo(self, operation: Operation, inverse: Any) -> int:
        kept_photos = KeptSimilar.objects.filter(kept_set=uuid.UUID(operation.params["set"]), photo__in=inverse)
        kept_photos.filter(photo__in=Photo.objects.visible_to(operation.user)).delete()
        return kept_photos.count()

    def summary(self, operation: Operation) -> str:
        return f"{operation.done} similar photos are kept."
