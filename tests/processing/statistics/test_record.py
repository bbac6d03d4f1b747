from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from processing import jobs
from processing.models import ProcessingJob, Rollup
from processing.models.states import JobState
from processing.models.statistics import RollupSpan, Statistic
from processing.statistics import durations, record, series
from processing.uploads import lifecycle
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_an_upload_is_counted_with_its_bytes_when_it_is_received(album):
    job = making.received(album)

    totals = series.totals()
    assert totals.uploads == {"received": 1}
    assert totals.received_bytes == job.upload.size > 0


def test_an_upload_that_ends_without_a_photo_has_no_bytes(album):
    lifecycle.cancel(making.upload(album), "cancelled", "")

    totals = series.totals()
    assert totals.uploads == {"cancelled": 1}
    assert totals.received_bytes == 0


@pytest.mark.parametrize(
    ("state", "result"),
    [(JobState.COMPLETED, "completed"), (JobState.FAILED, "failed"), (JobState.CANCELLED, "cancelled")],
)
def test_a_job_is_counted_by_its_result(album, state, result):
    making.job_in(album, state)

    assert series.totals().jobs == {result: 1}


def test_a_failed_attempt_is_counted_by_its_code(album):
    making.received(album)
    jobs.retry(jobs.claim_next("tester"), "timeout", "Too slow.")
    ProcessingJob.objects.update(run_after=timezone.now())
    jobs.give_up(jobs.claim_next("tester"), "broken", "Damaged.")

    totals = series.totals()
    assert totals.jobs == {"retried": 1, "failed": 1}
    assert totals.failures == {"timeout": 1, "broken": 1}


def test_a_duplicate_is_no_failure(album):
    making.received(album)
    jobs.give_up(jobs.claim_next("tester"), "duplicate", "Already in this album.")

    totals = series.totals()
    assert totals.jobs == {"duplicate": 1}
    assert totals.failures == {}


def test_durations_are_counted_from_the_due_time_and_from_the_claim(album):
    making.received(album)
    ProcessingJob.objects.update(run_after=timezone.now() - timedelta(seconds=20))
    job = jobs.claim_next("tester")
    job.started_at -= timedelta(seconds=3)

    jobs.complete(job, making.photo(album, job), [])

    totals = series.totals()
    assert totals.waiting.counts[durations.bucket(17)] == totals.processing.counts[durations.bucket(3)] == 1
    assert sum(totals.waiting.counts) == sum(totals.processing.counts) == 1
    assert totals.processing.sum_seconds >= 3


def test_a_clock_that_was_set_back_counts_as_no_time(album):
    making.received(album)
    job = jobs.claim_next("tester")
    job.started_at += timedelta(hours=1)

    jobs.complete(job, making.photo(album, job), [])

    assert series.totals().processing.counts[0] == 1
    assert series.totals().processing.sum_seconds == 0


def test_what_is_rolled_back_is_not_counted(album):
    making.received(album)
    job = jobs.claim_next("tester")
    with transaction.atomic():
        jobs.complete(job, making.photo(album, job), [])
        transaction.set_rollback(True)

    assert series.totals().jobs == {}


def test_a_lost_claim_is_not_counted(album):
    making.received(album)
    job = jobs.claim_next("tester")
    jobs.cancel(job)
    with pytest.raises(jobs.ClaimLost):
        jobs.complete(job, making.photo(album, job), [])

    assert series.totals().jobs == {"cancelled": 1}


def test_counters_of_one_minute_are_added_to_the_same_row():
    now = timezone.now()
    record.add([record.Observation(Statistic.UPLOADS, "received", total=5)], now)
    record.add([record.Observation(Statistic.UPLOADS, "received", total=7)], now)

    rows = Rollup.objects.order_by("span").values_list("span", "process", "count", "total")
    assert list(rows) == [(RollupSpan.EVER, record.process(), 2, 12), (RollupSpan.MINUTE, record.process(), 2, 12)]


def test_an_attempt_is_counted_in_one_statement(album, django_assert_num_queries):
    making.received(album)
    job = jobs.claim_next("tester")
    with django_assert_num_queries(1):
        record.job_moved(job, jobs.transitions.states.COMPLETE, "")
