"""A file whose bytes its album has already is no failure: every page, list, receipt and command goes by one definition."""

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
from processing.uploads import lifecycle as uploads
from processing.uploads import preflight, rejections
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
def again(request, album, photo) -> Upload:
    """The same bytes once more, while their photo is in the album, or in its trash."""
    if request.param == rejections.RESTORED.code:
        trash.move_to_trash(photo)
    upload = making.upload(album, "again.jpg")
    assert uploads.finish(upload, photo.original_bytes, photo.original_sha256) is None
    upload.refresh_from_db()
    assert (upload.state, upload.code) == (UploadState.REFUSED, request.param)
    return upload


def batches_in(state: BatchState) -> list[Batch]:
    return list(batch_list.find(Album.objects.all(), BatchFilterValues(state=state)).order_by("pk"))


def failures(batch: Batch) -> int:
    return failure_page.build(FailureScope(Album.objects.all(), batch=batch)).total


def test_its_batch_is_done_where_the_failure_page_is_empty(again):
    [entry] = batch_list.entries([again.batch])

    assert (failures(again.batch), again.batch in batches_in(BatchState.FAILURES)) == (0, False)
    assert again.batch in batches_in(BatchState.DONE)
    assert (entry.failed, entry.refused, entry.duplicates) == (0, 0, 1)


def test_its_receipt_stands_or_falls_with_the_photo(again, photo):
    assert receipt_query.build(again.batch).counts == {FileStatus.CHECKING: 1}

    photo.delete()

    assert receipt_query.build(again.batch).counts == {FileStatus.GONE: 1}
    assert "was rejected" not in receipt_query.build(again.batch).summary


def test_it_is_a_photo_to_who_waits_for_the_end_of_its_batch(again):
    assert (batch_outcome.build(again.batch).photos, list(batch_outcome.failures(again.batch))) == (1, [])


def test_its_sender_is_told_that_it_has_arrived_whole(again, photo):
    assert tus_session.offset(again) == photo.original_bytes


def test_who_declares_it_again_need_not_send_it(again):
    assert preflight._standing(again).result in ("here", "trash")


def test_it_is_shown_with_advice_that_nothing_is_missing(again):
    reasons = failure_page.build(FailureScope(Album.objects.all(), batch=again.batch)).reasons

    assert [(each.code, each.is_mishap) for each in reasons] == [(again.code, False)]
    assert "Nothing is missing" in help_texts.for_refused(again.code).remedy


@pytest.mark.parametrize("code", CODES)
def test_a_job_that_found_its_bytes_there_is_no_failure_either(album, photo, code):
    job = making.job_in(album, JobState.PROCESSING)
    jobs.give_up(job, code, "The same picture is in the album already.")

    [entry] = batch_list.entries([job.batch])

    assert (failures(job.batch), job.batch in batches_in(BatchState.FAILURES)) == (0, False)
    assert (entry.failed, entry.duplicates) == (0, 1)
    assert list(batch_outcome.failures(job.batch)) == []


def test_what_failed_otherwise_is_a_failure_to_all_of_them(album):
    job = making.job_in(album, JobState.FAILED)
    uploads.refuse(making.upload(album, batch=job.batch), rejections.EMPTY)
    [entry] = batch_list.entries([job.batch])

    assert (failures(job.batch), batches_in(BatchState.FAILURES), batches_in(BatchState.DONE)) == (2, [job.batch], [])
    assert (entry.failed, entry.refused, entry.duplicates) == (1, 1, 0)
    assert len(list(batch_outcome.failures(job.batch))) == 2


def test_every_refusal_that_tells_of_bytes_that_are_there_has_one_of_the_codes():
    found = {
        it
        for it in vars(rejections).values()
        if isinstance(it, rejections.RejectionReason) and "It was not stored twice" in it.message
    }

    assert {each.code for each in {*found, rejections.RESTORED}} == IS_A_PHOTO == help_texts.NO_ACTION_CODES
    assert {preflight._of(SimpleNamespace(code=code)) for code in CODES} == {"here", "trash"}
