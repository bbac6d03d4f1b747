"""When rows of the workshop go, by whatever way (an album deleted, the admin, the shell), their raw files go too."""

from typing import Any

from django.db.models.signals import pre_delete

from albums import removal
from processing import failpoints
from processing.failpoints import Point
from processing.models import ProcessingJob, Upload
from processing.states import KEEPS_RAW, UploadState


def connect() -> None:
    pre_delete.connect(_let_raw_go, sender=Upload, dispatch_uid="processing.cleaning.upload")


def _let_raw_go(instance: Upload, **_: Any) -> None:
    """A running job loses its row with its upload, and so its claim: its worker can finish nothing any more."""
    if _has_raw(instance):
        removal.clear_after_commit([instance.key])
    failpoints.reach(Point.ROWS_GOING)


def _has_raw(upload: Upload) -> bool:
    """Of whatever ended otherwise, the bytes were let go then; a batch of thousands need not do it once more."""
    is_kept = ProcessingJob.objects.filter(upload=upload, state__in=KEEPS_RAW)
    return upload.state == UploadState.RECEIVING or is_kept.exists()
