"""A duplicate of a file that failed has the same status as that file, on every page, list and receipt."""

import pytest

from albums.models import Album
from processing import jobs
from processing.integrity import post_write
from processing.models import Batch, ProcessingJob, Upload
from processing.queries import batch_list, batch_outcome, failure_page, file_status
from processing.queries import receipt as receipt_query
from processing.queries.batch_list import BatchFilterValues, BatchState
from processing.queries.failure_scope import FailureScope
from processing.queries.file_status import FileStatus
from processing.queries.receipt import ReceiptLine
from processing.rendering import worker
from processing.uploads import batches, lifecycle, rejections
from tests.processing import making
from tests.processing.test_publish_damaged import damaged

pytestmark = pytest.mark.django_db

A_TEXT = b"no picture"


def lines(batch: Batch) -> list[ReceiptLine]:
    return list(receipt_query.lines(file_status.files(batch)))


def batch_with_duplicate(album: Album, content: bytes = A_TEXT) -> Batch:
    """Returns a developed batch with the same file twice, as A.jpg and B.jpg."""
    batch = making.received(album, content, name="A.jpg").batch
    assert making.received(album, content, name="B.jpg", batch=batch) is None
    develop_and_verify()
    return batch


def develop_and_verify() -> None:
    while worker.develop_next():
        pass
    while post_write.verify_next():
        pass


def test_the_duplicate_of_a_failed_file_has_failed_for_the_same_reason(album):
    batch = batch_with_duplicate(album)

    first, second = lines(batch)

    assert (first.status, second.status) == (FileStatus.FAILED, FileStatus.FAILED)
    assert second.code == first.code == "not-an-image"
    assert second.reason.startswith(f"Same file as A.jpg, which failed: {first.reason}")
    assert (first.can_be_retried, second.can_be_retried) == (True, False)
    assert receipt_query.build(batch).summary == "0 of 2 are stored and verified. 2 failed. Do not format the card yet."


def test_the_outcome_of_the_batch_lists_both_as_failures(album):
    batch = batch_with_duplicate(album)

    assert [name for name, _ in batch_outcome.failures(batch)] == ["A.jpg", "B.jpg"]
    assert (batch_outcome.build(batch).files, batch_outcome.build(batch).photos) == (2, 0)


def test_the_list_of_batches_counts_both_as_failed(album):
    [entry] = batch_list.entries([batch_with_duplicate(album)])

    assert (entry.failed, entry.duplicates, entry.photos) == (2, 0, 0)


def test_after_a_retry_both_are_being_developed(album):
    batch = batch_with_duplicate(album)

    batches.requeue(ProcessingJob.objects.failed(), by="anna")

    assert [line.status for line in lines(batch)] == [FileStatus.DEVELOPING, FileStatus.DEVELOPING]
    assert list(batch_outcome.failures(batch)) == []


def test_publishing_the_damaged_file_completes_both_with_a_warning(album):
    batch = batch_with_duplicate(album, damaged())
    assert [line.status for line in lines(batch)] == [FileStatus.FAILED, FileStatus.FAILED]

    batches.publish_damaged(ProcessingJob.objects.failed(), by="anna")
    develop_and_verify()

    photo = album.photos.get()
    assert [(line.status, line.photo) for line in lines(batch)] == [(FileStatus.VERIFIED, photo.pk)] * 2
    assert {line.code for line in lines(batch)} == {"published-damaged"}
    assert (receipt_query.build(batch).damaged, receipt_query.build(batch).is_safe) == (2, False)
    assert (batch_outcome.build(batch).photos, list(batch_outcome.failures(batch))) == (2, [])


def test_a_later_duplicate_of_a_photo_published_damaged_does_not_make_a_receipt_safe(album):
    content = damaged()
    batch_with_duplicate(album, content)
    batches.publish_damaged(ProcessingJob.objects.failed(), by="anna")
    develop_and_verify()

    assert making.received(album, content, name="C.jpg") is None
    later = Batch.objects.order_by("-pk")[0]

    assert (receipt_query.build(later).damaged, receipt_query.build(later).is_safe) == (1, False)


def test_dismissing_the_failed_file_cancels_both(album):
    batch = batch_with_duplicate(album)

    batches.dismiss_failed(ProcessingJob.objects.failed(), by="anna")

    first, second = lines(batch)
    assert (first.status, second.status) == (FileStatus.CANCELLED, FileStatus.CANCELLED)
    assert second.reason == "Same file as A.jpg, which was cancelled. Upload it again if you want it."
    assert [name for name, _ in batch_outcome.failures(batch)] == ["A.jpg", "B.jpg"]


def test_a_duplicate_in_another_batch_shows_the_failure_and_can_be_retried_there(album, client, owner):
    making.received(album, A_TEXT, name="A.jpg")
    assert making.received(album, A_TEXT, name="B.jpg", batch=Batch.objects.create(album=album, source="tus")) is None
    develop_and_verify()
    batch = Batch.objects.order_by("-pk")[0]

    page = failure_page.build(FailureScope(Album.objects.all(), batch=batch))

    [line] = lines(batch)
    assert (line.name, line.status) == ("B.jpg", FileStatus.FAILED)
    assert [(entry.name, entry.reason.code) for section in page.sections for entry in section.entries] == [
        ("A.jpg", "not-an-image")
    ]
    assert [reason.code for reason in page.reasons] == ["not-an-image"]
    assert batch in batch_list.find(Album.objects.all(), BatchFilterValues(state=BatchState.FAILURES))
    client.force_login(owner)
    client.post(f"/batches/{batch.pk}/retry/")
    assert ProcessingJob.objects.active().get().original_filename == "A.jpg"


def test_a_failed_file_in_another_album_does_not_affect_a_duplicate(album, owner):
    other_album = Album.objects.create(title="Other", owner=owner)
    content = making.jpeg((500, 400))
    making.received(album, content, name="A.jpg")
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    batch = making.received(other_album, content, name="A.jpg").batch
    assert making.received(other_album, content, name="B.jpg", batch=batch) is None
    develop_and_verify()

    assert [line.status for line in lines(batch)] == [FileStatus.VERIFIED, FileStatus.VERIFIED]
    assert ProcessingJob.objects.failed().count() == 1


@pytest.mark.parametrize(
    ("end_upload", "status"),
    [
        (lambda upload: lifecycle.cancel(upload, "cancelled", "Cancelled by anna."), FileStatus.CANCELLED),
        (lambda upload: lifecycle.reject(upload, rejections.NOT_AS_DECLARED), FileStatus.REJECTED),
    ],
)
def test_the_duplicate_of_a_file_that_did_not_arrive_has_the_same_status(album, end_upload, status):
    first = making.upload(album, "A.jpg")
    Upload.objects.filter(pk=first.pk).update(declared_sha256="f" * 64)
    lifecycle.reject(making.upload(album, "B.jpg", first.batch), rejections.TWICE.filled(name="A.jpg"), sha256="f" * 64)

    end_upload(first)

    receipt_lines = lines(first.batch)
    assert [line.status for line in receipt_lines] == [status, status]
    assert "A.jpg" in receipt_lines[1].reason
    assert "Do not format the card yet." in receipt_query.build(first.batch).summary


def test_a_duplicate_of_a_stored_file_names_that_file(album):
    content = making.jpeg((500, 400))
    batch = batch_with_duplicate(album, content)

    assert lines(batch)[1].reason == "Same file as A.jpg. It was not stored twice."
    assert receipt_query.build(batch).is_safe
