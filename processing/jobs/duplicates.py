"""Duplicates: files that were not stored because another upload with the same bytes was already in progress.

A duplicate is rejected with a code from IS_A_PHOTO before the outcome of the other upload is known. Its outcome is therefore
derived from the rows on every read, so that retrying, publishing or resending the other upload also settles the duplicate.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from processing.models import Batch, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState

IS_DUPLICATE = Q(state=UploadState.REJECTED, code__in=IS_A_PHOTO)
"""A condition on uploads."""


def latest() -> QuerySet[Upload]:
    """Uploads received into the outer row's album with the same bytes, the last one first. For a subquery."""
    uploads = Upload.objects.filter(album=OuterRef("album"), state=UploadState.RECEIVED, sha256=OuterRef("sha256"))
    return uploads.exclude(sha256="").exclude(job=None).exclude(job__error_code__in=IS_A_PHOTO).order_by("-job__pk")


def lost() -> QuerySet[Upload]:
    """Uploads of the outer row's batch that were declared with the same bytes and never arrived. For a subquery."""
    ended = (UploadState.EXPIRED, UploadState.CANCELLED, UploadState.REJECTED)
    uploads = Upload.objects.filter(batch=OuterRef("batch"), state__in=ended, declared_sha256=OuterRef("sha256"))
    return uploads.exclude(declared_sha256="").exclude(IS_DUPLICATE).order_by("-created_at", "-pk")


def later() -> QuerySet[Upload]:
    """Later uploads of the outer row's bytes into its album, the first one first. For a subquery."""
    uploads = Upload.objects.filter(album=OuterRef("album"), sha256=OuterRef("sha256"), state=UploadState.RECEIVED)
    return uploads.exclude(sha256="").filter(created_at__gt=OuterRef("created_at")).order_by("created_at", "pk")


def has_failed() -> Q:
    """A condition on uploads: duplicates of files that failed, so that the album has no photo of them."""
    return IS_DUPLICATE & Q(Exists(latest().filter(job__state=JobState.FAILED)))


def failed_of(batch: Batch) -> Q:
    """A condition on jobs: those of the batch, and those of other batches whose files are duplicated in this one."""
    doubles = batch.uploads.filter(IS_DUPLICATE).exclude(sha256="")
    return Q(batch=batch) | Q(album=batch.album_id, upload__sha256__in=doubles.values("sha256"))
