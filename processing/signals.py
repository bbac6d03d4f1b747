"""What the workshop does when an album is deleted, or rows of its own: uploads end, and raw files go with their rows."""

from typing import Any

from django.db.models.signals import pre_delete

from albums import album_trash, removal
from albums.models import Album
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import KEEPS_RAW, UploadState
from processing.uploads import batches


def connect() -> None:
    pre_delete.connect(_let_raw_go, sender=Upload, dispatch_uid="processing.cleaning.upload")
    album_trash.put_in_trash.connect(_stop_receiving, dispatch_uid="processing.cleaning.put_in_trash")
    removal.emptied.connect(_forget_batches, dispatch_uid="processing.cleaning.emptied")


def _stop_receiving(album: Album, by: str, **_: Any) -> None:
    batches.stop_receiving(album, by)


def _forget_batches(album: Album, **_: Any) -> None:
    """One in a transaction: of 100,000 uploads with their jobs and events, all at once would take half a gigabyte."""
    for batch in Batch.objects.filter(album=album):
        batch.delete()


def _let_raw_go(instance: Upload, **_: Any) -> None:
    """A running job loses its row with its upload, and so its claim: its worker can finish nothing any more."""
    if _has_raw(instance):
        removal.clear_after_commit([instance.key])
    failpoints.reach(Point.ROWS_GOING)


def _has_raw(upload: Upload) -> bool:
    """Of whatever ended otherwise, the bytes were let go then; a batch of thousands need not do it once more."""
    is_kept = ProcessingJob.objects.filter(upload=upload, state__in=KEEPS_RAW)
    return upload.state == UploadState.RECEIVING or is_kept.exists()
