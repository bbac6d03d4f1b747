import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from albums.models import Album, Leftover, Photo
from processing import jobs
from processing.lib import backoff
from processing.models import ProcessingJob, Rerender
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


def complete_jobs(count: int) -> list[str]:
    """Claims and completes jobs. Returns the titles of their albums, in order."""
    titles = []
    for _ in range(count):
        job = jobs.claim_next("tester")
        titles.append(job.album.title)
        jobs.complete(job, making.photo(job.album, job), [])
    return titles


def fill(album: Album, count: int) -> None:
    batch = making.received(album).batch
    for _ in range(count - 1):
        making.received(album, batch=batch)


def test_jobs_of_an_album_are_claimed_in_the_order_of_their_arrival(album):
    first = making.received(album, name="1.jpg")
    making.received(album, name="2.jpg", batch=first.batch)
    making.received(album, name="3.jpg", batch=first.batch)

    names = []
    while job := jobs.claim_next("tester"):
        names.append(job.original_filename)
        jobs.complete(job, making.photo(album, job), [])

    assert names == ["1.jpg", "2.jpg", "3.jpg"]


def test_albums_take_turns(album, owner):
    other_album = Album.objects.create(title="Winter", owner=owner)
    fill(album, 4)
    fill(other_album, 2)

    assert complete_jobs(6) == ["Summer", "Winter", "Summer", "Winter", "Summer", "Summer"]


def test_a_new_album_neither_waits_for_a_long_batch_nor_starves_it(album, owner):
    fill(album, 8)
    complete_jobs(4)
    newcomer = Album.objects.create(title="Winter", owner=owner)
    fill(newcomer, 4)

    order = complete_jobs(8)

    assert order.index("Winter") <= 1
    assert order[:6].count("Summer") == 3


def test_new_turns_follow_the_running_job_when_nothing_else_is_queued(album, owner):
    fill(album, 3)
    complete_jobs(2)
    running_job = jobs.claim_next("tester")
    other_album = Album.objects.create(title="Winter", owner=owner)
    fill(other_album, 1)
    late_job = making.received(album, batch=running_job.batch)

    assert complete_jobs(2) == ["Winter", "Summer"]
    assert ProcessingJob.objects.get(pk=late_job.pk).state == JobState.COMPLETED


@pytest.mark.parametrize(("turn", "title"), [(5, "Theirs"), (6, "Summer")])
def test_a_preferred_owner_overtakes_a_few_turns_only(album, stranger, turn, title):
    strangers_album = Album.objects.create(title="Theirs", owner=stranger)
    making.received(album)
    making.received(strangers_album)
    ProcessingJob.objects.filter(album=strangers_album).update(turn=turn)

    assert jobs.claim_next("tester", owner=stranger.pk).album.title == title


def test_a_claim_counts_as_an_attempt(album):
    making.received(album)

    assert jobs.claim_next("tester").attempts == 1


def test_a_released_claim_does_not_count_as_an_attempt(album):
    making.received(album)
    jobs.release(jobs.claim_next("tester"))

    assert jobs.claim_next("tester").attempts == 1


def test_a_retried_job_waits_and_keeps_its_reason(album, settings):
    settings.BACKOFF_BASE_SECONDS = settings.BACKOFF_MAX_SECONDS = 3600
    making.received(album)
    job = jobs.claim_next("tester")

    jobs.fail(job, "storage", "The disk did not answer.", permanent=False)

    assert jobs.claim_next("tester") is None
    retried_job = ProcessingJob.objects.get(pk=job.pk)
    assert (retried_job.state, retried_job.error_code) == (JobState.PENDING, "storage")
    assert retried_job.run_after > timezone.now()


def test_a_job_fails_after_transient_errors_when_its_attempts_are_spent(album, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 3, 0
    job = making.received(album)

    for _ in range(3):
        jobs.fail(jobs.claim_next("tester"), "storage", "The disk did not answer.", permanent=False)

    job = ProcessingJob.objects.get(pk=job.pk)
    assert (job.state, job.attempts) == (JobState.FAILED, 3)
    assert job.error_message == "The disk did not answer. Gave up after 3 attempts."


def test_a_permanent_error_fails_at_once_and_keeps_the_raw_file(album, data_dir):
    making.received(album)
    job = jobs.claim_next("tester")

    jobs.fail(job, "broken", "The file is damaged.", permanent=True)

    assert ProcessingJob.objects.get(pk=job.pk).state == JobState.FAILED
    assert (data_dir / job.raw_path).exists()


def test_a_requeued_job_has_all_its_attempts_again(album):
    job = making.job_in(album, JobState.FAILED)

    jobs.requeue(job, "owner")

    job = ProcessingJob.objects.get(pk=job.pk)
    assert (job.state, job.attempts, job.error_code, job.error_message) == (JobState.PENDING, 0, "", "")


@pytest.mark.parametrize(
    ("state", "drop"),
    [(JobState.PENDING, jobs.cancel), (JobState.PROCESSING, jobs.cancel), (JobState.FAILED, jobs.dismiss)],
)
def test_the_raw_file_of_a_cancelled_or_dismissed_job_is_deleted(
    album, data_dir, django_capture_on_commit_callbacks, state, drop
):
    job = making.job_in(album, state)

    with django_capture_on_commit_callbacks(execute=True):
        assert drop(job, "owner") is True

    assert not (data_dir / job.raw_path).exists()
    assert Leftover.objects.count() == 0


def test_completing_a_job_publishes_the_photo_and_releases_its_held_files(album):
    making.received(album)
    job = jobs.claim_next("tester")
    Leftover.note(["originals/00/x.jpg"], hold=job.claim)

    jobs.complete(job, making.photo(album, job), [])

    job = ProcessingJob.objects.get(pk=job.pk)
    assert (job.state, job.photo, job.claim) == (JobState.COMPLETED, album.photos.get(), None)
    assert list(Leftover.objects.values_list("key", flat=True)) == [job.raw_path]


def test_a_worker_that_lost_its_claim_publishes_nothing(album):
    making.received(album)
    job = jobs.claim_next("tester")
    jobs.cancel(job)

    with pytest.raises(jobs.ClaimLost):
        jobs.complete(job, making.photo(album, job), [])

    assert Photo.objects.count() == 0


def test_every_transition_is_recorded_in_the_timeline(album):
    job = making.job_in(album, JobState.FAILED)
    jobs.requeue(job, "owner")

    events = list(job.events.values_list("edge", "attempt", "code", "by"))

    assert events == [
        ("create", 0, "", ""),
        ("claim", 1, "", "tester"),
        ("give_up", 1, "broken", "tester"),
        ("requeue", 0, "", "owner"),
    ]


@pytest.mark.parametrize(
    "invalid_values",
    [
        {"state": "resting"},
        {"state": JobState.PROCESSING},
        {"claim": uuid.uuid4()},
        {"state": JobState.FAILED},
    ],
    ids=["unknown state", "processing without a claim", "a claim while pending", "failed without a reason"],
)
def test_the_database_rejects_states_that_the_life_cycle_forbids(album, invalid_values):
    job = making.received(album)

    with pytest.raises(IntegrityError), transaction.atomic():
        ProcessingJob.objects.filter(pk=job.pk).update(**invalid_values)


def test_the_lease_lasts_as_long_as_the_setting(album, settings):
    settings.LEASE_SECONDS = 7
    making.received(album)

    job = jobs.claim_next("tester")

    assert job.lease_until - job.started_at == timedelta(seconds=7)


@pytest.mark.parametrize(("attempts", "max_delay"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (400, 300)])
def test_backoff_doubles_up_to_its_ceiling_with_full_jitter(attempts, max_delay):
    assert backoff.delay(attempts, 1, 300, chance=1) == max_delay
    assert backoff.delay(attempts, 1, 300, chance=0.5) == max_delay / 2
    assert 0 < backoff.delay(attempts, 1, 300) <= max_delay


def test_a_waiting_time_from_before_a_clock_was_set_back_has_ended(album):
    making.received(album)
    ProcessingJob.objects.update(run_after=timezone.now() + timedelta(hours=1))

    assert jobs.claim_next("tester") is not None


@pytest.mark.parametrize("seconds", [backoff.NO_ROOM_SECONDS, backoff.STILL_SECONDS])
@pytest.mark.parametrize("max_backoff", [0, 1, 4, 300])
def test_a_postponed_job_is_not_due_early_even_if_the_maximum_backoff_is_short(album, settings, seconds, max_backoff):
    """Otherwise it would be claimed again and again while the disk is full."""
    settings.BACKOFF_MAX_SECONDS = max_backoff
    making.received(album)

    jobs.postpone(jobs.claim_next("tester"), "disk-full", "There was no room.", seconds=seconds)

    assert jobs.claim_next("tester") is None
    ProcessingJob.objects.update(run_after=timezone.now())
    assert jobs.claim_next("tester") is not None


def test_a_postponed_rerender_is_not_due_early(album, settings):
    settings.BACKOFF_MAX_SECONDS = 1
    job = making.job_in(album, JobState.COMPLETED)
    soon = timezone.now() + timedelta(seconds=backoff.longest(1))
    Rerender.objects.create(photo=job.photo, turn=0, run_after=soon)

    assert not Rerender.objects.due().exists()
