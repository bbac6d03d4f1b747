from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from processing import jobs
from processing.models import Finding, ProcessingJob, WorkerPulse
from processing.models.states import JobState
from processing.models.statistics import RollupSpan, Statistic
from processing.queries import activity_overview as activity
from processing.statistics import record, rollups
from processing.statistics.record import Observation
from processing.statistics.series import Period
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quiet_machine(settings):
    """A running worker, enough disk space and memory."""
    settings.MIN_FREE_BYTES = 0
    settings.MEMORY_MARK = 100
    WorkerPulse.objects.create(name="a:1", version="1")


def codes() -> list[str]:
    return [status.code for status in activity.status(timezone.now())]


def test_without_a_fault_everything_is_fine():
    assert codes() == ["fine"]


def test_a_missing_worker_is_a_fault():
    WorkerPulse.objects.all().delete()

    assert codes() == ["no-worker"]


def test_paused_workers_are_a_fault_only_if_all_are():
    WorkerPulse.objects.update(drained_at=timezone.now())
    assert codes() == ["all-paused"]

    WorkerPulse.objects.create(name="b:2", version="1")
    assert codes() == ["fine"]


def test_missing_storage_is_a_fault(data_dir):
    (data_dir / "originals").rename(data_dir / "away")

    assert codes() == ["storage-away"]


def test_a_full_disk_is_a_fault(settings):
    settings.MIN_FREE_BYTES = 1 << 60

    assert codes() == ["disk-full"]


def test_a_queue_that_does_not_move_is_a_fault(album):
    long_ago = timezone.now() - activity.STALLED_AFTER - timedelta(seconds=1)
    waiting = making.received(album)
    assert codes() == ["fine"]

    ProcessingJob.objects.update(created_at=long_ago, run_after=long_ago)
    assert codes() == ["stalled"]

    ProcessingJob.objects.filter(pk=waiting.pk).update(run_after=timezone.now() + timedelta(hours=1))
    assert codes() == ["fine"]  # it waits for a retry


def test_a_queue_that_moves_is_no_fault(album):
    making.job_in(album, JobState.COMPLETED)
    making.received(album)
    ProcessingJob.objects.filter(state=JobState.PENDING).update(created_at=timezone.now() - timedelta(hours=1))

    assert codes() == ["fine"]


def test_damaged_files_and_recent_failures_are_faults(album):
    making.job_in(album, JobState.FAILED)
    Finding.objects.create(key="originals/aa/x.jpg", problem=Finding.Problem.MISSING)
    assert codes() == ["damaged-files", "failures"]

    Finding.objects.all().delete()
    ProcessingJob.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert codes() == ["fine"]


def test_a_duplicate_is_no_fault(album):
    making.received(album)
    jobs.give_up(jobs.claim_next("tester"), "duplicate", "Already in this album.")

    assert codes() == ["fine"]


def test_figures_agree_with_the_rows(album):
    making.job_in(album, JobState.COMPLETED)
    making.job_in(album, JobState.COMPLETED)
    making.job_in(album, JobState.FAILED)
    rollups.sample_queue(timezone.now())

    overview = activity.build(Period.HOUR)

    assert (overview.completed, overview.failed) == (2, 1)
    assert overview.received_bytes == sum(job.upload.size for job in ProcessingJob.objects.all())
    assert [(reason.code, reason.count, reason.share) for reason in overview.reasons] == [("broken", 1, 100)]
    assert overview.wait_seconds is not None
    assert overview.processing_seconds is not None
    by_column = {column: [row.figures[index] for row in overview.rows] for index, column in enumerate(overview.columns)}
    assert sum(by_column["Photos per minute, processed"]) == 2
    assert sum(by_column["Photos per minute, failed"]) == 1
    assert [value for value in by_column["Queue, jobs"] if value is not None] == [0]
    assert len(overview.rows) == 60


def test_a_change_of_the_version_is_marked():
    now = timezone.now()
    for minutes, version in ((50, "1"), (40, "1"), (30, "2"), (20, "1"), (10, "2")):
        record.add([Observation(Statistic.VERSIONS, version)], now - timedelta(minutes=minutes), RollupSpan.MINUTE)

    markers = activity.build(Period.HOUR).markers

    assert [marker.version for marker in markers] == ["2"]
    assert markers[0].x == pytest.approx(290, abs=10)  # of 600, half an hour ago


def test_the_page_costs_the_same_queries_with_any_number_of_jobs(client, admin, album):
    client.force_login(admin)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/activity/").status_code == 200
        return len(captured)

    making.job_in(album, JobState.FAILED)
    making.job_in(album, JobState.COMPLETED)  # without one, the oldest due job is looked for, too
    client.get("/activity/")  # also updates the session
    first = queries()
    for state in 5 * (JobState.COMPLETED, JobState.FAILED):
        making.job_in(album, state)

    assert queries() == first <= 16


@pytest.mark.parametrize(
    ("query", "current"), [("", "hour"), ("?period=day", "day"), ("?period=month", "month"), ("?period=x", "hour")]
)
def test_the_page_shows_the_chosen_period(client, admin, query, current):
    client.force_login(admin)

    page = client.get(f"/activity/{query}").content.decode()

    assert f'<a href="?period={current}" aria-current="true">' in page
    assert page.count('<figure class="chart">') == 6
    assert page.count("Nothing in this period") == 6
    assert "Everything is fine." in page


def test_a_job_that_is_claimed_again_counts_each_attempt(client, admin, album):
    making.received(album)
    jobs.retry(jobs.claim_next("tester"), "timeout", "Too slow.")
    ProcessingJob.objects.update(run_after=timezone.now())
    job = jobs.claim_next("tester")
    jobs.complete(job, making.photo(album, job), [])

    overview = activity.build(Period.HOUR)

    assert (overview.completed, overview.failed) == (1, 0)
    assert [reason.code for reason in overview.reasons] == ["timeout"]
