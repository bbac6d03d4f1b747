"""Where photos were before an operation changed the order of their album."""

from django.db import models

from albums.models.operations import Operation


class FormerPosition(models.Model):
    """A photo's position before and after an operation.

    Rows instead of JSON: sorting 100,000 photos, and undoing it, copies them in SQL alone.
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="+", db_index=False)
    # No foreign key: the photo may be deleted meanwhile, which need not look here.
    photo_id = models.BigIntegerField()
    position_before = models.BigIntegerField()
    position_after = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operation", "photo_id"], name="former_position_once")]

    def __str__(self) -> str:
        return f"photo {self.photo_id} at {self.position_before}"
