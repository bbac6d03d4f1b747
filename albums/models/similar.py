"""Photos that look alike and that a user has decided to keep."""

from __future__ import annotations

from django.db import models

from albums.models.photos import Photo


class KeptSimilar(models.Model):
    """One photo of a set of similar photos that are all to be kept. The rows of a set have the same number."""

    kept_set = models.UUIDField()
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["photo", "kept_set"], name="similar_once_in_set")]
        indexes = [models.Index(fields=["kept_set"], name="similar_set")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} of {self.kept_set}"
