"""A file that its album has already is no failure, by one definition for all pages, lists, receipts and commands."""

from types import SimpleNamespace

import pytest

from albums import trash
from albums.models import Album, Photo
from processing import jobs
from processing.models import Batch, Upload
from processing.models.states import IS_A_PHOTO, JobState, UploadState
from processing.queries import batch_list, batch_outcome, failure_page, help_texts
from processing.queries import receipt as receipt_query
from processing.queries.batch_list import BatchFilterValues, BatchState
from processing.queries.failure_scope import FailureScope
from processing.queries.file_status import FileStatus
from processing.rendering import worker
from processing.uploads import duplicate_index, lifecycle, preflight, rejections
from processing.uploads.tus import session as tus_session
from tests.processing import making

pytestmark = pytest.mark.django_db

CODES = sorted(IS_A_PHOTO)


@pytest.fixture
def photo(album) -> Photo:
    making.received(album, making.jpeg((500, 400)), name="first.jpg")
    worker.develop_next()
    return album.photos.get()


@pytest.fixture(params=CODES)
def duplicate(request, album, photo) -> Upload:
    """An upload with the bytes of a photo that is in the album, or in its trash."""
    if request.param == rejections.RESTORED.code:
        trash.move_to_trash(photo)
    upload = making.upload(album, "again.jpg")
    assert lifecycle.finish(upload, photo.original_bytes, photo.original_sha256) is None
    upload.refresh_from_db()
    assert (upload.state, upload.code) == (UploadState.REJECTED, request.param)
    return upload


def batches_in(state: BatchState) -> list[Batch]:
    return list(batch_list.find(Album.objects.all(), BatchFilterValues(state=state)).order_by("pk"))


def failures(batch: Batch) -> int:
    return failure_page.build(FailureScope(Album.objects.all(), batch=batch)).total


def test_the_batch_of_a_duplicate_is_done_and_its_failure_page_is_empty(duplicate):
    [entry] = batch_list.entries([duplicate.batch])

    assert (failures(duplicate.batch), duplicate.batch in batches_in(BatchState.FAILURES)) == (0, False)
    assert duplicate.batch in batches_in(BatchState.DONE)
    assert (entry.failed, entry.rejected, entry.duplicates) == (0, 0, 1)


def test_the_receipt_of_a_duplicate_shows_the_status_of_its_photo(duplicate, photo):
    assert receipt_query.build(duplicate.batch).counts == {FileStatus.CHECKING: 1}

    photo.delete()

    assert receipt_query.build(duplicate.batch).counts == {FileStatus.GONE: 1}
    assert "was rejected" not in receipt_query.build(duplicate.batch).summary


def test_the_outcome_of_the_batch_counts_a_duplicate_as_a_photo(duplicate):
    assert (batch_outcome.build(duplicate.batch).photos, list(batch_outcome.failures(duplicate.batch))) == (1, [])


def test_the_offset_of_a_duplicate_is_its_full_size(duplicate, photo):
    assert tus_session.offset(duplicate) == photo.original_bytes


def test_a_duplicate_that_is_declared_again_need_not_be_sent(duplicate):
    assert preflight._standing(duplicate).result in ("here", "trash")


def test_the_failure_page_explains_that_a_duplicate_is_not_missing(duplicate):
    scope = FailureScope(Album.objects.all(), batch=duplicate.batch, code=duplicate.code)
    reasons = failure_page.build(scope).reasons

    assert [(reason.code, reason.is_mishap) for reason in reasons] == [(duplicate.code, False)]
    assert "Nothing is missing" in help_texts.for_rejected(duplicate.code).remedy


@pytest.mark.parametrize("code", CODES)
def test_a_job_that_ends_as_a_duplicate_is_no_failure(album, photo, code):
    job = making.job_in(album, JobState.PROCESSING)
    jobs.give_up(job, code, "The same picture is in the album already.")

    [entry] = batch_list.entries([job.batch])

    assert (failures(job.batch), job.batch in batches_in(BatchState.FAILURES)) == (0, False)
    assert (entry.failed, entry.duplicates) == (0, 1)
    assert list(batch_outcome.failures(job.batch)) == []


def test_other_rejections_and_failed_jobs_are_failures_everywhere(album):
    job = making.job_in(album, JobState.FAILED)
    lifecycle.reject(making.upload(album, batch=job.batch), rejections.EMPTY)
    [entry] = batch_list.entries([job.batch])

    assert (failures(job.batch), batches_in(BatchState.FAILURES), batches_in(BatchState.DONE)) == (2, [job.batch], [])
    assert (entry.failed, entry.rejected, entry.duplicates) == (1, 1, 0)
    assert len(list(batch_outcome.failures(job.batch))) == 2


def test_every_rejection_of_a_duplicate_has_one_of_the_codes():
    reasons = {
        reason
        for reason in vars(rejections).values()
        if isinstance(reason, rejections.RejectionReason) and "It was not stored twice" in reason.message
    }

    assert {reason.code for reason in {*reasons, rejections.RESTORED}} == IS_A_PHOTO == help_texts.NO_ACTION_CODES
    assert {duplicate_index.result_of(SimpleNamespace(code=code)) for code in CODES} == {"here", "trash"}
