"""The outcome of a file has one definition, so pages and commands count a batch alike."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from albums.models import Album, Companion
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import DUPLICATE, JobState
from processing.queries import album_report, batch_list, batch_outcome, file_outcome, receipt
from processing.queries.batch_list import BatchFilterValues, BatchState
from processing.queries.file_outcome import FileOutcome
from processing.queries.file_status import FileStatus
from processing.uploads import batches, lifecycle, rejections
from processing.uploads.manifest import Declared
from tests.processing import making

pytestmark = pytest.mark.django_db

NO_PICTURE = b"no picture"


def claimed_job(batch: Batch, content: bytes | None = None) -> ProcessingJob:
    making.received(batch.album, content or making.jpeg(), batch=batch)
    return jobs.claim_next("tester")


def add_photo(batch: Batch) -> None:
    job = claimed_job(batch)
    photo = making.photo(batch.album, job)
    photo.original_sha256 = job.upload.sha256
    jobs.complete(job, photo, [])


def keep_companion(batch: Batch) -> None:
    job = claimed_job(batch)
    upload = job.upload
    companion = Companion(
        album=batch.album, kind=Companion.Kind.SIDECAR, name=upload.name, key=f"originals/{upload.pk}"
    )
    companion.bytes, companion.sha256 = upload.size, upload.sha256
    jobs.complete_companion(job, companion)


def repeat_a_photo(batch: Batch) -> None:
    photo = batch.album.photos.get()
    lifecycle.finish(making.upload(batch.album, batch=batch), 1, photo.original_sha256)


def fail_as_duplicate(batch: Batch) -> None:
    """Two workers render the same bytes: the second finds the photo of the first."""
    job = claimed_job(batch)
    Upload.objects.filter(pk=job.upload_id).update(sha256=batch.album.photos.get().original_sha256)
    jobs.give_up(job, DUPLICATE, "The same picture is in the album already.")


def fail_twice(batch: Batch) -> None:
    job = claimed_job(batch, NO_PICTURE)
    making.received(batch.album, NO_PICTURE, batch=batch)
    jobs.give_up(job, "not-an-image", "It is no picture.")


def fail_and_upload_again(batch: Batch) -> None:
    """The second upload of the bytes is cancelled before it is processed."""
    job = claimed_job(batch, b"an unfinished picture")
    jobs.give_up(job, "not-an-image", "It is no picture.")
    making.received(batch.album, b"an unfinished picture", batch=batch)
    jobs.cancel(jobs.claim_next("tester"))


def skip_for_another_album(batch: Batch) -> None:
    rome = Album.objects.create(title="Rome", owner=batch.album.owner)
    job = claimed_job(Batch.objects.create(album=rome, source=Batch.Source.PAGE))
    photo = making.photo(rome, job)
    photo.original_sha256 = job.upload.sha256
    jobs.complete(job, photo, [])
    skipped = Declared("mine.jpg", 1, sha256=photo.original_sha256)
    lifecycle.record_rejected(batch, skipped, rejections.SKIPPED_ELSEWHERE, photo)


def expire(batch: Batch) -> None:
    upload = making.upload(batch.album, batch=batch)
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    lifecycle.expire(upload)


def cancel_an_upload(batch: Batch) -> None:
    lifecycle.cancel(making.upload(batch.album, batch=batch), "cancelled", "Cancelled by anna.")


MAKE: tuple[Callable[[Batch], object], ...] = (
    add_photo,
    keep_companion,
    repeat_a_photo,
    skip_for_another_album,
    fail_as_duplicate,
    fail_twice,
    lambda batch: lifecycle.reject(making.upload(batch.album, batch=batch), rejections.EMPTY),
    expire,
    cancel_an_upload,
    fail_and_upload_again,
    lambda batch: lifecycle.record_skipped(batch, [Declared("notes.txt", 1), Declared("Thumbs.db", 1)]),
    lambda batch: making.received(batch.album, batch=batch),
    lambda batch: making.upload(batch.album, batch=batch),
)
COUNTS = Counter(dict.fromkeys(FileOutcome, 1) | {FileOutcome.DUPLICATE: 2, FileOutcome.CANCELLED: 2})


@pytest.fixture
def batch(album) -> Batch:
    """A batch with a file of every outcome."""
    batch = Batch.objects.create(album=album, source=Batch.Source.PAGE)
    for make in MAKE:
        make(batch)
    return batch


def test_every_file_has_one_outcome(batch):
    assert file_outcome.count(batch.uploads.all()) == COUNTS


def test_the_list_of_batches_counts_each_file_once(batch):
    (entry,) = batch_list.entries([batch])

    counts = (
        *(entry.photos, entry.kept, entry.failed, entry.rejected, entry.duplicates, entry.skipped, entry.active),
        entry.elsewhere,
    )
    assert counts == (1, 1, 2, 2, 2, 1, 2, 1)
    assert (entry.companions, entry.cancelled, entry.resent) == (1, 2, 1)
    assert entry.files == sum(counts) + entry.cancelled + entry.resent


def test_the_albums_report_counts_like_the_list_of_batches(batch):
    (entry,) = batch_list.entries([batch])

    report = album_report.build(batch.album)

    assert (report.added, report.kept, report.failed, report.rejected) == (
        entry.photos,
        entry.kept,
        entry.failed,
        entry.rejected,
    )
    assert (report.duplicates, report.cancelled, report.resent) == (entry.duplicates, entry.cancelled, entry.resent)
    assert (report.skipped, report.companions, report.batch) == (entry.skipped, entry.companions, batch.pk)
    assert report.elsewhere == entry.elsewhere


def test_the_import_command_counts_like_the_list_of_batches(batch):
    (entry,) = batch_list.entries([batch])

    outcome = batch_outcome.build(batch)

    assert outcome.photos == entry.photos + entry.duplicates
    assert (outcome.files, outcome.kept, outcome.companions) == (entry.files, entry.kept, entry.companions)
    assert outcome.waiting == COUNTS[FileOutcome.WAITING]
    without_photo = entry.failed + entry.rejected + entry.skipped + entry.cancelled + entry.resent
    assert len(list(batch_outcome.failures(batch))) == without_photo


def test_the_receipt_counts_like_the_list_of_batches(batch):
    (entry,) = batch_list.entries([batch])

    counts = receipt.build(batch).counts

    assert counts[FileStatus.CHECKING] == entry.photos + entry.kept + entry.duplicates + entry.elsewhere
    assert counts[FileStatus.FAILED] == entry.failed
    assert counts[FileStatus.REJECTED] + counts[FileStatus.EXPIRED] == entry.rejected
    assert counts[FileStatus.ARRIVING] + counts[FileStatus.DEVELOPING] == entry.active
    assert (counts[FileStatus.CANCELLED], counts[FileStatus.AGAIN]) == (entry.cancelled, entry.resent)
    assert (counts[FileStatus.SKIPPED], counts[FileStatus.COMPANION]) == (entry.skipped, entry.companions)


@pytest.mark.parametrize("outcome", FileOutcome)
def test_a_batch_is_listed_with_failures_if_it_has_one(batch, outcome):
    for upload in file_outcome.with_outcome(Upload.objects.exclude(code=DUPLICATE)).exclude(outcome=outcome):
        upload.delete()
    if outcome not in (FileOutcome.DUPLICATE, FileOutcome.ELSEWHERE, FileOutcome.FAILED_DUPLICATE):
        Upload.objects.filter(code=DUPLICATE).delete()

    (entry,) = batch_list.entries([batch])

    batches_with_failures = list(batch_list.find(Album.objects.all(), BatchFilterValues(state=BatchState.FAILURES)))
    assert (batch in batches_with_failures) == bool(entry.failed or entry.rejected)


def test_a_dismissed_duplicate_is_still_in_the_album(batch):
    batches.dismiss_failed(ProcessingJob.objects.filter(state=JobState.FAILED, error_code=DUPLICATE), by="anna")

    assert file_outcome.count(batch.uploads.all()) == COUNTS
    assert album_report.build(batch.album).duplicates == COUNTS[FileOutcome.DUPLICATE]
