"""The progress of an album covers receiving and developing, and is below 100 % until all work is done."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.queries import album_progress
from processing.uploads import lifecycle, preflight
from processing.uploads.manifest import Declared
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def uploads_declared(album, owner):
    """Four declared uploads of 100 bytes each, before the first byte has arrived."""
    files = [Declared(f"{n}.jpg", 100) for n in range(4)]
    return [plan.upload for plan in preflight.declare(album, owner, files).plans]


def finish_upload(upload: Upload) -> ProcessingJob:
    job = lifecycle.finish(upload, 100, f"{upload.name:0>64}")
    assert job
    return job


def complete_next_job(album) -> None:
    job = jobs.claim_next("tester")
    jobs.complete(job, making.photo(album, job), [])


def test_files_and_bytes_are_counted_from_the_start(album, uploads_declared):
    progress = album_progress.build(album)

    assert (progress.total, progress.receiving, progress.uploaded, progress.percent) == (4, 4, 0, 0)
    assert (progress.bytes_total, progress.bytes_arrived, progress.is_measured) == (400, 0, True)


def test_received_bytes_of_unfinished_uploads_count(album, uploads_declared):
    finish_upload(uploads_declared[0])
    lifecycle.touch(uploads_declared[1], 50)

    progress = album_progress.build(album)

    assert (progress.receiving, progress.uploaded, progress.active) == (3, 1, 1)
    assert (progress.bytes_total, progress.bytes_arrived) == (400, 150)
    assert (progress.upload_percent, progress.percent) == (37, 0)


def test_uploading_and_processing_are_measured_separately(album, uploads_declared):
    for upload in uploads_declared[:2]:
        finish_upload(upload)
    complete_next_job(album)

    progress = album_progress.build(album)

    assert (progress.uploaded, progress.processed, progress.total) == (2, 1, 4)
    assert (progress.upload_percent, progress.percent) == (50, 25)


def test_progress_stays_below_100_percent_while_work_is_left(album, uploads_declared):
    for upload in uploads_declared:
        finish_upload(upload)
    for _ in range(3):
        complete_next_job(album)
    Upload.objects.filter(pk=uploads_declared[0].pk).update(size=10**12)

    assert album_progress.build(album).percent < 100
    assert album_progress.build(album).is_busy


def test_a_file_received_while_rows_are_counted_keeps_the_album_busy(album, owner, monkeypatch):
    [plan] = preflight.declare(album, owner, [Declared("sea.jpg", 100)]).plans
    unfinished = [plan.upload]

    def with_upload_afterwards(count):
        def count_and_finish(*arguments):
            result = count(*arguments)
            if unfinished:
                finish_upload(unfinished.pop())
            return result

        return count_and_finish

    for name in ("_count_jobs", "_count_uploads"):
        monkeypatch.setattr(album_progress, name, with_upload_afterwards(getattr(album_progress, name)))

    assert (meanwhile := album_progress.build(album)).is_busy
    assert meanwhile.total == album_progress.build(album).total == 1


def test_a_cancelled_file_does_not_count_in_the_total(album, uploads_declared):
    jobs.cancel(finish_upload(uploads_declared[0]))

    progress = album_progress.build(album)
    assert (progress.total, progress.uploaded, progress.receiving) == (3, 0, 3)


def test_progress_of_a_form_upload_is_not_measured_in_bytes(album):
    making.upload(album)

    assert album_progress.build(album).is_measured is False


def test_the_estimate_is_that_of_the_slower_of_receiving_and_developing(album, uploads_declared):
    opened_at = timezone.now() - timedelta(seconds=60)
    Batch.objects.update(opened_at=opened_at)
    for upload in uploads_declared[:2]:
        finish_upload(upload)
        complete_next_job(album)
    ProcessingJob.objects.update(started_at=timezone.now() - timedelta(seconds=2), finished_at=timezone.now())

    # 200 bytes came within a minute, so 200 more take as long; developing takes a second a photo.
    assert album_progress.build(album).seconds_left == 60


def test_there_is_no_estimate_while_nothing_arrives(album, uploads_declared, monkeypatch):
    clock = timezone.now()
    monkeypatch.setattr(album_progress, "timezone", SimpleNamespace(now=lambda: clock))
    for upload in uploads_declared[:2]:
        finish_upload(upload)
        complete_next_job(album)
    Upload.objects.receiving().update(expires_at=clock + timedelta(seconds=1800 - 300))

    progress = album_progress.build(album)

    assert progress.seconds_left is None
    assert (progress.is_quiet, progress.quiet_seconds, progress.expires_in) == (True, 300, 1500)


def test_a_batch_that_receives_bytes_shows_no_countdown(album, uploads_declared):
    assert album_progress.build(album).is_quiet is False


def test_an_album_without_uploads_has_nothing_that_expires(album):
    assert (album_progress.build(album).expires_in, album_progress.build(album).is_quiet) == (None, False)


@pytest.mark.parametrize(("code", "failed"), [("duplicate", 0), ("restored", 0), ("broken", 1)])
def test_a_duplicate_is_not_counted_as_failed_in_the_list_of_albums(album, code, failed):
    making.received(album)
    jobs.give_up(jobs.claim_next("tester"), code, "It ended.")

    assert album_progress.badges([album])[album.pk].failed == failed
