"""Files that were not stored because the same bytes were on their way already: what becomes of those, becomes of them.

Such a double is refused with a code of IS_A_PHOTO before anybody knows whether a photo comes of its twin. So its fate is asked
for in the rows, whenever it is told: a twin that is retried, published or sent again puts both right.
"""

from django.db.models import Exists, OuterRef, Q, QuerySet

from processing.models import Batch, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState

IS_DOUBLE = Q(state=UploadState.REFUSED, code__in=IS_A_PHOTO)
"""Of uploads."""


def latest() -> QuerySet[Upload]:
    """Uploads with the outer row's bytes that were received into its album, the last one first."""
    same = Upload.objects.filter(album=OuterRef("album"), state=UploadState.RECEIVED, sha256=OuterRef("sha256"))
    return same.exclude(sha256="").exclude(job=None).exclude(job__error_code__in=IS_A_PHOTO).order_by("-job__pk")


def lost() -> QuerySet[Upload]:
    """Uploads of the outer row's batch that were declared with its bytes and never arrived."""
    ended = (UploadState.EXPIRED, UploadState.CANCELLED, UploadState.REFUSED)
    same = Upload.objects.filter(batch=OuterRef("batch"), state__in=ended, declared_sha256=OuterRef("sha256"))
    return same.exclude(declared_sha256="").exclude(IS_DOUBLE).order_by("-created_at", "-pk")


def has_failed() -> Q:
    """Of uploads: doubles of files that failed, and of which there is no photo therefore."""
    return IS_DOUBLE & Q(Exists(latest().filter(job__state=JobState.FAILED)))


def failed_of(batch: Batch) -> Q:
    """Of jobs: the batch's own, and those of other batches that files of this one are doubles of."""
    doubles = batch.uploads.filter(IS_DOUBLE).exclude(sha256="")
    return Q(batch=batch) | Q(album=batch.album_id, upload__sha256__in=doubles.values("sha256"))
