"""When rows of the workshop go, by whatever way (an album deleted, the admin, the shell), their raw files go too."""

from typing import Any

from django.db.models.signals import pre_delete

from albums import removal
from processing import failpoints
from processing.failpoints import Point
from processing.models import Upload


def connect() -> None:
    pre_delete.connect(_let_raw_go, sender=Upload, dispatch_uid="processing.cleaning.upload")


def _let_raw_go(instance: Upload, **_: Any) -> None:
    """A running job loses its row with its upload, and so its claim: its worker can finish nothing any more."""
    removal.clear_after_commit([instance.key])
    failpoints.reach(Point.ROWS_GOING)
