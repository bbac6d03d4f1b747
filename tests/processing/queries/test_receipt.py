"""The receipt: what it says of every file, and when it says that the card may be formatted."""

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
from processing.uploads import lifecycle as uploads
from processing.uploads import rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


def stored(album, count: int, content: bytes | None = None) -> Batch:
    """A batch of photos that are developed, and not read back yet."""
    batch = making.received(album, content or making.jpeg((500, 400)), name="IMG_0.JPG").batch
    for number in range(1, count):
        making.received(album, making.jpeg((500, 400)), name=f"IMG_{number}.JPG", batch=batch)
    while worker.develop_next():
        pass
    return batch


def proved(album, count: int, content: bytes | None = None) -> Batch:
    batch = stored(album, count, content)
    while post_write.verify_next():
        pass
    return batch


def lines(batch: Batch) -> list[ReceiptLine]:
    return list(receipt_query.lines(file_status.files(batch)))


def standing_of(batch: Batch) -> list[FileStatus]:
    return [line.status for line in lines(batch)]


def test_all_read_back_and_right_is_safe(album):
    receipt = receipt_query.build(proved(album, 3))

    assert receipt.is_safe
    assert not receipt.is_unsettled
    assert receipt.summary == "All 3 files are stored and verified: safe to format the card."


def test_what_is_stored_but_not_read_back_is_not_safe(album):
    receipt = receipt_query.build(stored(album, 2))

    assert not receipt.is_safe
    assert receipt.is_unsettled
    assert receipt.summary == (
        "0 of 2 are stored and verified. 2 are still being verified. Do not format the card yet."
    )


def test_what_is_missing_is_said_plainly(album):
    batch = proved(album, 2)
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
def test_one_job_that_is_no_photo_is_enough_to_be_unsafe(album, state):
    batch = proved(album, 1)
    making.job_in(album, state)
    ProcessingJob.objects.update(batch=batch)
    Upload.objects.update(batch=batch)

    assert receipt_query.build(batch).counts[FileStatus.VERIFIED] == 1
    assert not receipt_query.build(batch).is_safe


def test_a_file_on_its_way_is_not_safe_however_much_of_it_arrived(album):
    batch = proved(album, 1)
    expected = making.upload(album, batch=batch)
    Upload.objects.filter(pk=expected.pk).update(size=100, arrived=100)

    assert standing_of(batch) == [FileStatus.VERIFIED, FileStatus.ARRIVING]
    assert not receipt_query.build(batch).is_safe


def test_what_was_refused_expired_or_cancelled_is_told_with_its_reason(album):
    batch = proved(album, 1)
    for end in (
        lambda upload: uploads.refuse(upload, rejections.EMPTY),
        lambda upload: uploads.cancel(upload, "cancelled", "Cancelled by anna."),
    ):
        end(making.upload(album, batch=batch))
    late = making.upload(album, batch=batch)
    Upload.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    uploads.expire(late)

    assert [(line.status, line.code) for line in lines(batch)][1:] == [
        (FileStatus.REFUSED, "empty-file"),
        (FileStatus.CANCELLED, "cancelled"),
        (FileStatus.EXPIRED, "expired"),
    ]
    assert all(line.reason for line in lines(batch)[1:])
    assert receipt_query.build(batch).summary == (
        "1 of 4 is stored and verified. 1 was rejected, 1 is incomplete, 1 was cancelled. Do not format the card yet."
    )


def test_a_duplicate_is_as_safe_as_the_photo_it_is_the_same_as(album):
    content = making.jpeg((500, 400))
    first = stored(album, 1, content)
    assert making.received(album, content) is None
    again = Batch.objects.exclude(pk=first.pk).get()

    assert standing_of(again) == [FileStatus.CHECKING]

    post_write.verify_next()

    assert receipt_query.build(again).is_safe
    assert lines(again)[0].photo == first.jobs.get().photo_id


def test_the_same_picture_twice_in_a_batch_waits_for_the_one_that_is_developed(album):
    content = making.jpeg((500, 400))
    batch = making.received(album, content).batch
    making.received(album, content, batch=batch)

    assert standing_of(batch) == [FileStatus.DEVELOPING, FileStatus.DEVELOPING]

    worker.develop_next()
    assert standing_of(batch) == [FileStatus.CHECKING, FileStatus.CHECKING]

    post_write.verify_next()
    assert receipt_query.build(batch).is_safe


def test_the_twin_of_a_file_that_fails_is_not_safe(album):
    batch = making.received(album, b"no picture").batch
    making.received(album, b"no picture", batch=batch)
    worker.develop_next()

    assert standing_of(batch) == [FileStatus.FAILED, FileStatus.FAILED]


def test_a_duplicate_by_name_alone_is_no_proof(album):
    photo = proved(album, 1).jobs.get().photo
    other = making.upload(album)
    uploads.refuse(other, rejections.DUPLICATE, duplicate_of=photo, sha256="f" * 64)
    unknown = making.upload(album)
    uploads.refuse(unknown, rejections.DUPLICATE, duplicate_of=photo)

    assert [standing_of(batch) for batch in (other.batch, unknown.batch)] == [[FileStatus.GONE], [FileStatus.GONE]]


def test_a_failed_file_that_was_sent_again_is_the_photo_it_became(album):
    content = making.jpeg((500, 400))
    first = making.received(album, content)
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    making.received(album, content)
    worker.develop_next()
    post_write.verify_next()

    assert receipt_query.build(first.batch).is_safe


def test_the_same_bytes_in_another_album_prove_nothing_here(album, owner):
    content = making.jpeg((500, 400))
    proved(album, 1, content)
    other = type(album).objects.create(title="Other", owner=owner)
    job = making.received(other, content)

    assert standing_of(job.batch) == [FileStatus.DEVELOPING]


@pytest.mark.parametrize("kind", ["original", "rendition"])
def test_damage_that_is_found_later_makes_the_line_untrue_again(album, data_dir, kind):
    batch = proved(album, 2)
    photo = batch.jobs.first().photo
    key = photo.original_key if kind == "original" else photo.renditions.first().key
    (data_dir / key).write_bytes(b"rot")
    Photo.objects.filter(pk=photo.pk).update(checked_at=timezone.now() - timedelta(days=8))

    assert scrub.step() == 1

    assert not receipt_query.build(batch).is_safe
    assert receipt_query.build(batch).summary == (
        "1 of 2 is stored and verified. 1 is missing or damaged in storage. Do not format the card yet."
    )


def test_what_was_repaired_is_safe_when_it_has_been_read_back(album, data_dir):
    batch = proved(album, 1)
    path = data_dir / batch.jobs.get().photo.original_key
    content = path.read_bytes()
    findings.settle({batch.jobs.get().photo.original_key: Finding.Trouble.CORRUPT})
    assert standing_of(batch) == [FileStatus.DAMAGED]

    path.write_bytes(content)
    findings.settle({})
    assert standing_of(batch) == [FileStatus.CHECKING]

    scrub.step()
    assert receipt_query.build(batch).is_safe


def test_what_verify_repaired_in_one_go_has_to_be_read_back_too(album, data_dir):
    batch = proved(album, 1)
    (data_dir / batch.jobs.get().photo.renditions.first().key).write_bytes(b"rot")

    call_command("verify", "--repair", stdout=StringIO())

    assert standing_of(batch) == [FileStatus.CHECKING]
    assert post_write.verify_next()
    assert receipt_query.build(batch).is_safe


def test_a_photo_that_was_deleted_is_not_said_to_be_stored(album):
    batch = proved(album, 2)
    batch.jobs.first().photo.delete()

    receipt = receipt_query.build(batch)

    assert receipt.summary == (
        "1 of 2 is stored and verified. 1 was removed from the album. "
        "Format the card only if you do not need the missing files."
    )
    assert not receipt.is_unsettled


def test_a_photo_in_the_trash_is_not_safe_until_it_is_put_back(album):
    batch = proved(album, 2)
    photo = batch.jobs.first().photo
    trash.move_to_trash(photo)

    assert receipt_query.build(batch).summary == (
        "1 of 2 is stored and verified. 1 is in the trash. Format the card only if you do not need the missing files."
    )

    trash.restore(photo)
    assert receipt_query.build(batch).is_safe


def test_the_double_of_a_file_that_is_on_its_way_waits_with_it(album):
    first = making.upload(album)
    Upload.objects.filter(pk=first.pk).update(declared_sha256="f" * 64)
    uploads.refuse(making.upload(album, batch=first.batch), rejections.TWICE, sha256="f" * 64)

    assert standing_of(first.batch) == [FileStatus.ARRIVING, FileStatus.DEVELOPING]


def test_a_line_tells_all_there_is_to_know(album):
    batch = proved(album, 1)
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


def test_a_receipt_of_the_lines_told_agrees_with_that_of_the_rows(album):
    batch = proved(album, 2)
    making.upload(album, batch=batch)
    counts = Counter()

    told = list(receipt_query.lines(file_status.files(batch), counts))

    assert len(told) == 3
    assert Receipt(counts) == receipt_query.build(batch)


@pytest.mark.parametrize("standing", receipt_query.PHRASES)
def test_whatever_else_there_is_is_told_and_forbids_to_format(standing):
    alone, several = Receipt({FileStatus.VERIFIED: 1, standing: 1}), Receipt({FileStatus.VERIFIED: 2, standing: 2})

    assert (alone.is_safe, several.is_safe) == (False, False)
    assert alone.summary.startswith(f"1 of 2 is stored and verified. 1 {receipt_query.PHRASES[standing][0]}. ")
    assert several.summary.startswith(f"2 of 4 are stored and verified. 2 {receipt_query.PHRASES[standing][1]}. ")


def test_companions_are_told_apart_and_forbid_nothing():
    receipt = Receipt({FileStatus.VERIFIED: 2, FileStatus.COMPANION: 3})

    assert (receipt.total, receipt.companions, receipt.is_safe) == (2, 3, True)
    assert receipt.summary == "All 2 files are stored and verified: safe to format the card."
    assert not Receipt({FileStatus.COMPANION: 3}).is_safe
    assert Receipt({FileStatus.COMPANION: 3}).summary == "This upload has only companion files."


def test_every_standing_is_good_or_counts_for_nothing_or_is_told():
    assert set(FileStatus) == {FileStatus.VERIFIED, FileStatus.COMPANION, *receipt_query.PHRASES}


def test_a_receipt_costs_one_query(album, django_assert_num_queries):
    batch = proved(album, 2)

    with django_assert_num_queries(1):
        receipt_query.build(batch)
    with django_assert_num_queries(1):
        lines(batch)


def test_a_failed_file_that_is_sent_again_and_fails_again_was_not_cancelled(album):
    first = making.received(album, b"no picture", name="a.jpg").batch
    worker.develop_next()
    second = making.received(album, b"no picture", name="a.jpg").batch
    worker.develop_next()

    assert (standing_of(first), standing_of(second)) == ([FileStatus.AGAIN], [FileStatus.FAILED])
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

    assert (standing_of(first), standing_of(second)) == ([FileStatus.CHECKING], [FileStatus.CHECKING])


def test_a_job_that_a_person_cancelled_stays_cancelled(album):
    job = making.received(album, b"no picture")
    jobs.cancel(job, by="anna")

    assert standing_of(job.batch) == [FileStatus.CANCELLED]
