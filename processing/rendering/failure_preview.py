"""Previews of what could not be developed, made by the same sandbox, right after the job failed.

A kindness only: whatever comes of it, the failure stays as it is, and a preview that never came is not asked for again.
"""

import logging

from django.db import transaction

from processing.models import JobQuerySet, Preview, ProcessingJob
from processing.pipeline import Refused
from processing.rendering.sandbox import Sandbox
from processing.storage import store
from processing.storage.errors import StorageTrouble

log = logging.getLogger(__name__)

NOT_AGAIN = frozenset({"bomb", "crashed", "timeout", "out-of-memory"})
"""What was hard on the sandbox is not decoded once more, only to be looked at."""
MOST_BYTES = 256 * 1024
"""Far more than the pipeline makes. The child has read a stranger's file: it is not believed without a look."""


def make(job: ProcessingJob, sandbox: Sandbox) -> None:
    """If the job has failed for good, and something can be seen of its file."""
    try:
        if _failed(job).exists():
            with store().borrow(job.raw_path) as raw:
                _keep(job, sandbox.preview(raw))
    except (Refused, FileNotFoundError, StorageTrouble) as why:
        log.debug("Job %s has no preview: %s", job.pk, why)
    except Exception:
        log.exception("Job %s: trouble with its preview", job.pk)


def _keep(job: ProcessingJob, webp: bytes) -> None:
    """Unless the raw file has been let go, or is tried again, meanwhile: both take the job's row before the preview's."""
    if len(webp) > MOST_BYTES:
        return
    with transaction.atomic():
        if _failed(job).select_for_update().first():
            Preview.objects.update_or_create(job_id=job.pk, defaults={"webp": webp})


def _failed(job: ProcessingJob) -> JobQuerySet:
    return ProcessingJob.objects.failed().filter(pk=job.pk).exclude(error_code__in=NOT_AGAIN)
