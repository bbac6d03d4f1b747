"""The report is about the latest batch, and disappears by itself if it has no problems."""

from datetime import timedelta

import pytest
from django.utils import timezone

from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.queries import album_report
from processing.queries.album_report import CLEAN_REPORT_TIME, Report
from processing.uploads import batches, lifecycle, rejections
from tests.processing import making

pytestmark = pytest.mark.django_db


def reject(batch: Batch, rejection: rejections.RejectionReason) -> Upload:
    upload = making.upload(batch.album, batch=batch)
    lifecycle.reject(upload, rejection)
    return upload


def fail(batch: Batch, code: str) -> None:
    making.received(batch.album, batch=batch)
    jobs.give_up(jobs.claim_next("tester"), code, "It failed.")


def end_before(age: timedelta) -> None:
    """Makes all uploads and jobs end that long ago."""
    Upload.objects.update(ended_at=timezone.now() - age)
    ProcessingJob.objects.update(finished_at=timezone.now() - age)


def test_the_report_is_about_the_latest_batch_only(album):
    making.job_in(album, JobState.FAILED)
    making.job_in(album, JobState.COMPLETED)
    latest = making.job_in(album, JobState.COMPLETED).batch

    report = album_report.build(album)

    assert (report.batch, report.added, report.problems) == (latest.pk, 1, 0)
    assert report.headline == "1 photo added"


def test_an_older_report_does_not_appear_when_the_latest_is_dismissed(album):
    failed = making.job_in(album, JobState.FAILED)
    batches.dismiss(making.job_in(album, JobState.FAILED).batch, by="anna")

    assert album_report.build(album) == Report()
    assert list(ProcessingJob.objects.failed()) == [failed]


def test_an_album_without_uploads_has_no_report(album):
    assert album_report.build(album) == Report()


def test_a_report_without_problems_disappears_at_a_later_visit(album):
    job = making.job_in(album, JobState.COMPLETED)
    end_before(CLEAN_REPORT_TIME + timedelta(seconds=1))

    assert album_report.build(album) == Report()
    last_response = timezone.now() - 2 * CLEAN_REPORT_TIME
    assert album_report.build(album, last_response) == Report(batch=job.batch_id, added=1)


def test_a_report_with_problems_stays_until_it_is_dismissed(album):
    batch = making.job_in(album, JobState.COMPLETED).batch
    rejected = reject(batch, rejections.EMPTY)
    end_before(timedelta(days=30))
    assert album_report.build(album).headline == "1 photo added, 1 problem"

    batches.dismiss_rejected(Upload.objects.filter(pk=rejected.pk))

    assert album_report.build(album) == Report()


def test_duplicates_are_no_problems(album):
    batch = making.upload(album).batch
    for _ in range(2):
        reject(batch, rejections.TWICE.filled(name="IMG_1.JPG"))
    fail(batch, "duplicate")
    lifecycle.reject(batch.uploads.receiving().get(), rejections.DUPLICATE)

    report = album_report.build(album)

    assert (report.problems, report.duplicates) == (0, 4)
    assert (report.headline, report.remarks) == ("4 already in this album", "")


def test_cancelled_files_are_counted(album):
    batch = making.job_in(album, JobState.COMPLETED).batch
    for _ in range(2):
        making.received(album, batch=batch)
    batches.cancel(batch, by="anna")

    report = album_report.build(album)

    assert (report.cancelled, report.headline, report.remarks) == (2, "1 photo added", "2 cancelled")


def test_a_file_that_failed_and_was_uploaded_again_is_not_counted_as_cancelled(album):
    batch = making.upload(album).batch
    making.received(album, b"no picture", batch=batch)
    jobs.give_up(jobs.claim_next("tester"), "not-an-image", "It is no picture.")
    making.received(album, b"no picture", batch=batch)

    assert (album_report.build(album).cancelled, album_report.build(album).resent) == (0, 1)


@pytest.mark.parametrize(("code", "retryable"), [("timeout", 1), ("unknown-code", 1), ("truncated", 0)])
def test_only_failures_that_retrying_may_help_are_retryable(album, code, retryable):
    fail(making.upload(album).batch, code)

    assert (album_report.build(album).failed, album_report.build(album).retryable) == (1, retryable)
