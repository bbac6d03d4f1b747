"""Signal receivers: delete batches with their album, raw files with their rows, continue operations in the queue, and
queue rotated photos to be rendered."""

from typing import Any

from django.db.models.signals import pre_delete

from albums import removal
from albums.edits import rotation
from albums.models import Album
from albums.moving import placed
from albums.operations import engine
from processing.jobs import wakeup
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import KEEPS_RAW, UploadState
from processing.rendering import rotation as rendering_rotation


def connect() -> None:
    pre_delete.connect(_delete_raw_file, sender=Upload, dispatch_uid="processing.cleaning.upload")
    rotation.rotated.connect(_render_rotated, dispatch_uid="processing.signals.rotated")
    engine.waiting.connect(_continue_operation, dispatch_uid="processing.signals.operation")
    placed.connect(_reach_moving, dispatch_uid="processing.signals.placed")
    removal.emptied.connect(_forget_batches, dispatch_uid="processing.cleaning.emptied")


def _reach_moving(**_: Any) -> None:
    failpoints.reach(Point.PHOTOS_MOVING)


def _continue_operation(operation_id: int, **_: Any) -> None:
    wakeup.send_for_operation(operation_id)


def _render_rotated(photo_ids: list[int], **_: Any) -> None:
    rendering_rotation.enqueue(photo_ids)
    failpoints.reach(Point.PHOTOS_TURNING)


def _forget_batches(album: Album, **_: Any) -> None:
    """Deletes one batch per transaction: all rows of 100,000 uploads with jobs and events would take 500 MB of memory."""
    for batch in Batch.objects.filter(album=album):
        batch.delete()


def _delete_raw_file(instance: Upload, **_: Any) -> None:
    """Deletes the upload's raw file after commit. A running job is deleted with its upload, so its worker cannot complete it."""
    if _has_raw_file(instance):
        removal.clear_after_commit([instance.key])
    failpoints.reach(Point.ROWS_GOING)


def _has_raw_file(upload: Upload) -> bool:
    """True if the raw file has not been deleted already. Saves thousands of deletions for a large batch."""
    is_kept = ProcessingJob.objects.filter(upload=upload, state__in=KEEPS_RAW)
    return upload.state == UploadState.RECEIVING or is_kept.exists()
