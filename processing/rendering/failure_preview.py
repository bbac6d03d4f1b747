"""Previews of failed files, made in the same sandbox right after the job has failed.

A preview is optional: its outcome never changes the failure, and a missing preview is not retried.
"""

import logging

from django.db import transaction

from processing.models import JobQuerySet, Preview, ProcessingJob
from processing.pipeline import ImageRejected
from processing.rendering.sandbox import Sandbox
from processing.storage import store
from processing.storage.storage_errors import StorageError

log = logging.getLogger(__name__)

NO_PREVIEW_CODES = frozenset({"bomb", "crashed", "timeout", "out-of-memory"})
"""Error codes of files that overloaded the sandbox. They are not decoded again for a preview."""
MAX_BYTES = 256 * 1024
"""Far more than the pipeline produces. The child has read an untrusted file, so the size of its response is checked."""


def make(job: ProcessingJob, sandbox: Sandbox) -> None:
    """Stores a preview if the job has failed permanently and its file can be decoded in part."""
    try:
        if _failed(job).exists():
            with store().open_local(job.raw_path) as raw:
                _keep(job, sandbox.preview(raw))
    except (ImageRejected, FileNotFoundError, StorageError) as error:
        log.debug("Job %s has no preview: %s", job.pk, error)
    except Exception:
        log.exception("Job %s: unexpected error while making its preview", job.pk)


def _keep(job: ProcessingJob, webp: bytes) -> None:
    """Saves the preview, unless the raw file was deleted or the job retried meanwhile: both lock the job's row first."""
    if len(webp) > MAX_BYTES:
        return
    with transaction.atomic():
        if _failed(job).select_for_update().first():
            Preview.objects.update_or_create(job_id=job.pk, defaults={"webp": webp})


def _failed(job: ProcessingJob) -> JobQuerySet:
    return ProcessingJob.objects.failed().filter(pk=job.pk).exclude(error_code__in=NO_PREVIEW_CODES)
