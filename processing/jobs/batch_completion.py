"""The end of a batch, recorded and announced once: when its last upload and its last job have settled for the first time.

`finish` is called after everything that can settle a batch: by the worker after each job, on commit when an upload ends without a
job or a job is cancelled, and by `import_photos --wait`. The sweep calls `finish_all` for what a killed process has missed.

Whether an album is busy is still derived from the rows. A batch that continues after its end, because a failed job is requeued or
a client adds a file, is not announced again.
"""

import logging

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.dispatch import Signal
from django.utils import timezone

from processing.models import Batch, ProcessingJob, Upload

log = logging.getLogger(__name__)

MAX_AT_ONCE = 500

batch_finished = Signal()
"""Sent with `batch`, in the transaction that records the end: what a receiver writes is committed with it, or not at all.

So a receiver that only writes rows has an effect exactly once per batch. If it raises, the end is not recorded, and the next call
of `finish` sends the signal again. Sent after the commit, the signal would be lost if the process is killed in between.

The transaction holds the batch's row, and other transactions lock the album before its batches. A receiver that locked the album
could deadlock with them: it writes a row, and what needs the album reads that row later.
"""


def is_settled(batch: int) -> bool:
    """True if no upload of the batch is being received and none of its jobs is pending or processing."""
    jobs = ProcessingJob.objects.active().filter(batch=batch)  # first, since a busy worker asks after each job
    has_files = jobs.exists() or Upload.objects.receiving().filter(batch=batch).exists()
    return not (has_files or jobs.exists())  # again, since a file may have arrived between the two


def finish(batch: int) -> bool:
    """Returns whether the batch has settled, and if so, records its end and sends `batch_finished`, unless that was done."""
    if not is_settled(batch):
        return False
    if Batch.objects.filter(pk=batch, finished_at=None).exists():
        _record(batch)
    return True


def finish_after_commit(batch: int) -> None:
    """Calls `finish` after the transaction. An error is only logged: the sweep repeats the call."""
    transaction.on_commit(lambda: finish(batch), robust=True)


def finish_all() -> int:
    """Finishes the batches that have settled unnoticed, up to MAX_AT_ONCE, and returns their number."""
    receiving, active = Upload.objects.receiving(), ProcessingJob.objects.active()
    of_batch = {"batch": OuterRef("pk")}
    settled = Batch.objects.filter(
        ~Exists(receiving.filter(**of_batch)), ~Exists(active.filter(**of_batch)), finished_at=None
    )
    return sum(try_to_finish(pk) for pk in settled.order_by("pk").values_list("pk", flat=True)[:MAX_AT_ONCE])


def try_to_finish(pk: int) -> bool:
    """Like `finish`. An error is only logged: it must not keep the worker or the sweep from its other work."""
    try:
        return finish(pk)
    except Exception:
        log.exception("Can't record the end of batch %s; the next sweep tries again", pk)
        return False


def _record(pk: int) -> None:
    with transaction.atomic():
        # The full lock: on PostgreSQL, transactions that add an upload or a job to the batch and this one wait for each other.
        batch = Batch.objects.select_for_update().filter(pk=pk, finished_at=None).first()
        if batch is None or not is_settled(pk):
            return
        batch.finished_at = timezone.now()
        if Batch.objects.filter(pk=pk, finished_at=None).update(finished_at=batch.finished_at):
            batch_finished.send(sender=Batch, batch=batch)
