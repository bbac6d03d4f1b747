"""The receipt: the status of every file, and when it says that the card may be formatted."""

from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from albums import trash
from albums.models import Photo
from processing import jobs
from processing.integrity import findings, post_write, scrub
from processing.models import Batch, Finding, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import file_status
from processing.queries import receipt as receipt_query
from processing.queries.file_status import FileStatus
from processing.queries.receipt import Receipt, ReceiptLine
from processing.rendering import worker
from processing.uploads import lifecycle, rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


def stored_batch(album, count: int, content: bytes | None = None) -> Batch:
    """A batch of photos that are developed, but not read back yet."""
    batch = making.received(album, content or making.jpeg((500, 400)), name="IMG_0.JPG").batch
    for number in range(1, count):
        making.received(album, making.jpeg((500, 400)), name=f"IMG_{number}.JPG", batch=batch)
    while worker.develop_next():
        pass
    return batch


def verified_batch(album, count: int, content: bytes | None = None) -> Batch:
    batch = stored_batch(album, count, content)
    while post_write.verify_next():
        pass
    return batch


def lines(batch: Batch) -> list[ReceiptLine]:
    return list(receipt_query.lines(file_status.files(batch)))


def statuses(batch: Batch) -> list[FileStatus]:
    return [line.status for line in lines(batch)]


def test_a_batch_whose_files_are_all_verified_is_safe(album):
    receipt = receipt_query.build(verified_batch(album, 3))

    assert receipt.is_safe
    assert not receipt.is_unsettled
    assert receipt.summary == "All 3 files are stored and verified: safe to format the card."


def test_a_batch_that_is_stored_but_not_read_back_is_not_safe(album):
    receipt = receipt_query.build(stored_batch(album, 2))

    assert not receipt.is_safe
    assert receipt.is_unsettled
    assert receipt.summary == (
        "0 of 2 are stored and verified. 2 are still being verified. Do not format the card yet."
    )


def test_the_summary_counts_failed_and_unverified_files(album):
    batch = verified_batch(album, 2)
    making.received(album, b"no picture", batch=batch)
    worker.develop_next()
    making.received(album, making.jpeg((500, 400)), batch=batch)
    worker.develop_next()

    assert receipt_query.build(batch).summary == (
        "2 of 4 are stored and verified. 1 failed, 1 is still being verified. Do not format the card yet."
    )


def test_a_batch_without_files_is_never_safe(album):
    batch = Batch.objects.create(album=album, source=Batch.Source.TUS)

    assert not receipt_query.build(batch).is_safe
    assert receipt_query.build(batch).summary == "This upload has no files."


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.COMPLETED])
def test_a_batch_with_one_job_that_is_not_completed_is_not_safe(album, state):
    batch = verified_batch(album, 1)
    making.job_in(album, state)
    ProcessingJob.objects.update(batch=batch)
    Upload.objects.update(batch=batch)

    assert receipt_query.build(batch).counts[FileStatus.VERIFIED] == 1
    assert not receipt_query.build(batch).is_safe


def test_an_unfinished_upload_is_not_safe_although_all_its_bytes_arrived(album):
    batch = verified_batch(album, 1)
    upload = making.upload(album, batch=batch)
    Upload.objects.filter(pk=upload.pk).update(size=100, arrived=100)

    assert statuses(batch) == [FileStatus.VERIFIED, FileStatus.ARRIVING]
    assert not receipt_query.build(batch).is_safe


def test_rejected_expired_and_cancelled_files_have_their_reason(album):
    batch = verified_batch(album, 1)
    for end_upload in (
        lambda upload: lifecycle.reject(upload, rejections.EMPTY),
        lambda upload: lifecycle.cancel(upload, "cancelled", "Cancelled by anna."),
    ):
        end_upload(making.upload(album, batch=batch))
    late_upload = making.upload(album, batch=batch)
    Upload.objects.filter(pk=late_upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    lifecycle.expire(late_upload)

    assert [(line.status, line.code) for line in lines(batch)][1:] == [
        (FileStatus.REJECTED, "empty-file"),
        (FileStatus.CANCELLED, "cancelled"),
        (FileStatus.EXPIRED, "expired"),
    ]
    assert all(line.reason for line in lines(batch)[1:])
    assert receipt_query.build(batch).summary == (
        "1 of 4 is stored and verified. 1 was rejected, 1 is incomplete, 1 was cancelled. Do not format the card yet."
    )


def test_a_duplicate_is_as_safe_as_the_photo_with_the_same_bytes(album):
    content = making.jpeg((500, 400))
    first = stored_batch(album, 1, content)
    assert making.received(album, content) is None
    second = Batch.objects.exclude(pk=first.pk).get()

    assert statuses(second) == [FileStatus.CHECKING]

    post_write.verify_next()

    assert receipt_query.build(second).is_safe
    assert lines(second)[0].photo == first.jobs.get().photo_id


def test_a_second_copy_in_a_batch_has_the_status_of_the_first(album):
    content = making.jpeg((500, 400))
    batch = making.received(album, content).batch
    making.received(album, content, batch=batch)

    assert statuses(batch) == [FileStatus.DEVELOPING, FileStatus.DEVELOPING]

    worker.develop_next()
    assert statuses(batch) == [FileStatus.CHECKING, FileStatus.CHECKING]

    post_write.verify_next()
    assert receipt_query.build(batch).is_safe


def test_the_second_copy_of_a_file_that_fails_is_not_safe(album):
    batch = making.received(album, b"no picture").batch
    making.received(album, b"no picture", batch=batch)
    worker.develop_next()

    assert statuses(batch) == [FileStatus.FAILED, FileStatus.FAILED]


def test_a_duplicate_by_name_without_the_same_checksum_is_not_safe(album):
    photo = verified_batch(album, 1).jobs.get().photo
    other_upload = making.upload(album)
    lifecycle.reject(other_upload, rejections.DUPLICATE, duplicate_of=photo, sha256="f" * 64)
    upload_without_checksum = making.upload(album)
    lifecycle.reject(upload_without_checksum, rejections.DUPLICATE, duplicate_of=photo)

    assert [statuses(batch) for batch in (other_upload.batch, upload_without_checksum.batch)] == [
        [FileStatus.GONE],
        [FileStatus.GONE],
    ]


def test_a_failed_file_that_was_uploaded_again_is_as_safe_as_its_photo(album):
    content = making.jpeg((500, 400))
    first = making.received(album, content)
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    making.received(album, content)
    worker.develop_next()
    post_write.verify_next()

    assert receipt_query.build(first.batch).is_safe


def test_the_same_bytes_in_another_album_do_not_make_a_file_safe(album, owner):
    content = making.jpeg((500, 400))
    verified_batch(album, 1, content)
    other_album = type(album).objects.create(title="Other", owner=owner)
    job = making.received(other_album, content)

    assert statuses(job.batch) == [FileStatus.DEVELOPING]


@pytest.mark.parametrize("kind", ["original", "rendition"])
def test_damage_found_later_makes_the_receipt_unsafe_again(album, data_dir, kind):
    batch = verified_batch(album, 2)
    photo = batch.jobs.first().photo
    key = photo.original_key if kind == "original" else photo.renditions.first().key
    (data_dir / key).write_bytes(b"rot")
    Photo.objects.filter(pk=photo.pk).update(checked_at=timezone.now() - timedelta(days=8))

    assert scrub.step() == 1

    assert not receipt_query.build(batch).is_safe
    assert receipt_query.build(batch).summary == (
        "1 of 2 is stored and verified. 1 is missing or damaged in storage. Do not format the card yet."
    )


def test_a_repaired_file_is_safe_when_it_has_been_read_back(album, data_dir):
    batch = verified_batch(album, 1)
    path = data_dir / batch.jobs.get().photo.original_key
    content = path.read_bytes()
    findings.settle({batch.jobs.get().photo.original_key: Finding.Problem.CORRUPT})
    assert statuses(batch) == [FileStatus.DAMAGED]

    path.write_bytes(content)
    findings.settle({})
    assert statuses(batch) == [FileStatus.CHECKING]

    scrub.step()
    assert receipt_query.build(batch).is_safe


def test_a_file_repaired_by_verify_has_to_be_read_back_too(album, data_dir):
    batch = verified_batch(album, 1)
    (data_dir / batch.jobs.get().photo.renditions.first().key).write_bytes(b"rot")

    call_command("verify", "--repair", stdout=StringIO())

    assert statuses(batch) == [FileStatus.CHECKING]
    assert post_write.verify_next()
    assert receipt_query.build(batch).is_safe


def test_a_deleted_photo_does_not_count_as_stored(album):
    batch = verified_batch(album, 2)
    batch.jobs.first().photo.delete()

    receipt = receipt_query.build(batch)

    assert receipt.summary == (
        "1 of 2 is stored and verified. 1 was removed from the album. "
        "Format the card only if you do not need the missing files."
    )
    assert not receipt.is_unsettled


def test_a_photo_in_the_trash_is_not_safe_until_it_is_restored(album):
    batch = verified_batch(album, 2)
    photo = batch.jobs.first().photo
    trash.move_to_trash(photo)

    assert receipt_query.build(batch).summary == (
        "1 of 2 is stored and verified. 1 is in the trash. Format the card only if you do not need the missing files."
    )

    trash.restore(photo)
    assert receipt_query.build(batch).is_safe


def test_the_second_copy_of_an_unfinished_upload_waits_with_it(album):
    first = making.upload(album)
    Upload.objects.filter(pk=first.pk).update(declared_sha256="f" * 64)
    lifecycle.reject(making.upload(album, batch=first.batch), rejections.TWICE, sha256="f" * 64)

    assert statuses(first.batch) == [FileStatus.ARRIVING, FileStatus.DEVELOPING]


def test_a_line_has_all_details_of_its_file(album):
    batch = verified_batch(album, 1)
    upload, photo = Upload.objects.get(), Photo.objects.get()

    (line,) = lines(batch)

    assert line == ReceiptLine(
        upload=upload.pk,
        name="IMG_0.JPG",
        size=photo.original_bytes,
        arrived=upload.arrived,
        sha256=photo.original_sha256,
        status=FileStatus.VERIFIED,
        received_at=upload.ended_at,
        verified_at=photo.verified_at,
        photo=photo.pk,
        companion=None,
        code="",
        reason="",
        note="",
        resent_in=None,
        job=photo.job.pk,
        job_state=JobState.COMPLETED,
        attempts=1,
    )


def test_the_counts_collected_from_lines_equal_those_of_the_receipt(album):
    batch = verified_batch(album, 2)
    making.upload(album, batch=batch)
    counts = Counter()

    receipt_lines = list(receipt_query.lines(file_status.files(batch), counts))

    assert len(receipt_lines) == 3
    assert Receipt(counts) == receipt_query.build(batch)


@pytest.mark.parametrize("status", receipt_query.PHRASES)
def test_every_status_but_verified_is_named_and_makes_the_receipt_unsafe(status):
    singular, plural = Receipt({FileStatus.VERIFIED: 1, status: 1}), Receipt({FileStatus.VERIFIED: 2, status: 2})

    assert (singular.is_safe, plural.is_safe) == (False, False)
    assert singular.summary.startswith(f"1 of 2 is stored and verified. 1 {receipt_query.PHRASES[status][0]}. ")
    assert plural.summary.startswith(f"2 of 4 are stored and verified. 2 {receipt_query.PHRASES[status][1]}. ")


def test_companions_are_counted_separately_and_do_not_make_the_receipt_unsafe():
    receipt = Receipt({FileStatus.VERIFIED: 2, FileStatus.COMPANION: 3})

    assert (receipt.total, receipt.companions, receipt.is_safe) == (2, 3, True)
    assert receipt.summary == "All 2 files are stored and verified: safe to format the card."
    assert not Receipt({FileStatus.COMPANION: 3}).is_safe
    assert Receipt({FileStatus.COMPANION: 3}).summary == "This upload has only companion files."


def test_every_status_is_safe_or_does_not_count_or_has_a_phrase():
    assert set(FileStatus) == {FileStatus.VERIFIED, FileStatus.COMPANION, *receipt_query.PHRASES}


def test_a_receipt_costs_one_query(album, django_assert_num_queries):
    batch = verified_batch(album, 2)

    with django_assert_num_queries(1):
        receipt_query.build(batch)
    with django_assert_num_queries(1):
        lines(batch)


def test_a_failed_file_that_is_uploaded_again_and_fails_again_was_not_cancelled(album):
    first = making.received(album, b"no picture", name="a.jpg").batch
    worker.develop_next()
    second = making.received(album, b"no picture", name="a.jpg").batch
    worker.develop_next()

    assert (statuses(first), statuses(second)) == ([FileStatus.AGAIN], [FileStatus.FAILED])
    assert receipt_query.build(first).summary == (
        "0 of 1 are stored and verified. 1 was uploaded again. Do not format the card yet."
    )
    [line] = lines(first)
    assert (line.code, line.reason) == (
        "again",
        f"Failed here, then uploaded again (upload {second.pk}).",
    )


def test_a_failed_file_whose_second_upload_became_a_photo_is_stored(album, monkeypatch):
    content = making.jpeg((500, 400))
    monkeypatch.setattr(worker, "_store", lambda *_: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr("django.conf.settings.MAX_ATTEMPTS", 1)
    first = making.received(album, content).batch
    worker.develop_next()
    monkeypatch.undo()
    second = making.received(album, content).batch
    worker.develop_next()

    assert (statuses(first), statuses(second)) == ([FileStatus.CHECKING], [FileStatus.CHECKING])


def test_a_job_that_a_user_cancelled_stays_cancelled(album):
    job = making.received(album, b"no picture")
    jobs.cancel(job, by="anna")

    assert statuses(job.batch) == [FileStatus.CANCELLED]
