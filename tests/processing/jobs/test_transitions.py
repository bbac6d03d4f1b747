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


def work_off(count: int) -> list[str]:
    """Claim and finish jobs; the titles of their albums, in order."""
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


def test_jobs_of_an_album_are_done_in_the_order_they_arrived(album):
    first = making.received(album, name="1.jpg")
    making.received(album, name="2.jpg", batch=first.batch)
    making.received(album, name="3.jpg", batch=first.batch)

    names = []
    while job := jobs.claim_next("tester"):
        names.append(job.original_filename)
        jobs.complete(job, making.photo(album, job), [])

    assert names == ["1.jpg", "2.jpg", "3.jpg"]


def test_albums_take_turns(album, owner):
    other = Album.objects.create(title="Winter", owner=owner)
    fill(album, 4)
    fill(other, 2)

    assert work_off(6) == ["Summer", "Winter", "Summer", "Winter", "Summer", "Summer"]


def test_a_newcomer_neither_waits_for_a_long_batch_nor_starves_it(album, owner):
    fill(album, 8)
    work_off(4)
    newcomer = Album.objects.create(title="Winter", owner=owner)
    fill(newcomer, 4)

    order = work_off(8)

    assert order.index("Winter") <= 1
    assert order[:6].count("Summer") == 3


def test_the_queue_moves_on_when_it_was_empty_but_for_the_job_in_work(album, owner):
    fill(album, 3)
    work_off(2)
    in_work = jobs.claim_next("tester")
    other = Album.objects.create(title="Winter", owner=owner)
    fill(other, 1)
    late = making.received(album, batch=in_work.batch)

    assert work_off(2) == ["Winter", "Summer"]
    assert ProcessingJob.objects.get(pk=late.pk).state == JobState.COMPLETED


@pytest.mark.parametrize(("turn", "title"), [(5, "Theirs"), (6, "Summer")])
def test_a_preferred_owner_overtakes_a_few_turns_only(album, stranger, turn, title):
    theirs = Album.objects.create(title="Theirs", owner=stranger)
    making.received(album)
    making.received(theirs)
    ProcessingJob.objects.filter(album=theirs).update(turn=turn)

    assert jobs.claim_next("tester", owner=stranger.pk).album.title == title


def test_an_attempt_counts_when_it_is_claimed(album):
    making.received(album)

    assert jobs.claim_next("tester").attempts == 1


def test_a_released_attempt_does_not_count(album):
    making.received(album)
    jobs.release(jobs.claim_next("tester"))

    assert jobs.claim_next("tester").attempts == 1


def test_a_retried_job_waits_and_keeps_its_reason(album, settings):
    settings.BACKOFF_BASE_SECONDS = settings.BACKOFF_MAX_SECONDS = 3600
    making.received(album)
    job = jobs.claim_next("tester")

    jobs.fail(job, "storage", "The disk did not answer.", permanent=False)

    assert jobs.claim_next("tester") is None
    again = ProcessingJob.objects.get(pk=job.pk)
    assert (again.state, again.error_code) == (JobState.PENDING, "storage")
    assert again.run_after > timezone.now()


def test_a_transient_error_is_given_up_when_the_attempts_are_spent(album, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 3, 0
    job = making.received(album)

    for _ in range(3):
        jobs.fail(jobs.claim_next("tester"), "storage", "The disk did not answer.", permanent=False)

    job = ProcessingJob.objects.get(pk=job.pk)
    assert (job.state, job.attempts) == (JobState.FAILED, 3)
    assert job.error_message == "The disk did not answer. It was tried 3 times."


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
    ("state", "verb"),
    [(JobState.PENDING, jobs.cancel), (JobState.PROCESSING, jobs.cancel), (JobState.FAILED, jobs.dismiss)],
)
def test_a_dropped_job_lets_its_raw_file_go(album, data_dir, django_capture_on_commit_callbacks, state, verb):
    job = making.job_in(album, state)

    with django_capture_on_commit_callbacks(execute=True):
        assert verb(job, "owner") is True

    assert not (data_dir / job.raw_path).exists()
    assert Leftover.objects.count() == 0


def test_completing_publishes_the_photo_and_lets_go_of_what_was_held(album):
    making.received(album)
    job = jobs.claim_next("tester")
    Leftover.note(["originals/00/x.jpg"], hold=job.claim)

    jobs.complete(job, making.photo(album, job), [])

    job = ProcessingJob.objects.get(pk=job.pk)
    assert (job.state, job.photo, job.claim) == (JobState.COMPLETED, album.photos.get(), None)
    assert list(Leftover.objects.values_list("key", flat=True)) == [job.raw_path]


def test_a_stale_worker_publishes_nothing(album):
    making.received(album)
    job = jobs.claim_next("tester")
    jobs.cancel(job)

    with pytest.raises(jobs.ClaimLost):
        jobs.complete(job, making.photo(album, job), [])

    assert Photo.objects.count() == 0


def test_every_move_is_told_in_the_timeline(album):
    job = making.job_in(album, JobState.FAILED)
    jobs.requeue(job, "owner")

    told = list(job.events.values_list("edge", "attempt", "code", "by"))

    assert told == [
        ("create", 0, "", ""),
        ("claim", 1, "", "tester"),
        ("give_up", 1, "broken", "tester"),
        ("requeue", 0, "", "owner"),
    ]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"state": "resting"},
        {"state": JobState.PROCESSING},
        {"claim": uuid.uuid4()},
        {"state": JobState.FAILED},
    ],
    ids=["unknown state", "processing without a claim", "a claim while pending", "failed without a reason"],
)
def test_the_database_refuses_what_the_life_cycle_forbids(album, nonsense):
    job = making.received(album)

    with pytest.raises(IntegrityError), transaction.atomic():
        ProcessingJob.objects.filter(pk=job.pk).update(**nonsense)


def test_the_lease_runs_for_its_setting(album, settings):
    settings.LEASE_SECONDS = 7
    making.received(album)

    job = jobs.claim_next("tester")

    assert job.lease_until - job.started_at == timedelta(seconds=7)


@pytest.mark.parametrize(("attempts", "most"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (400, 300)])
def test_backoff_doubles_up_to_its_ceiling_with_full_jitter(attempts, most):
    assert backoff.delay(attempts, 1, 300, chance=1) == most
    assert backoff.delay(attempts, 1, 300, chance=0.5) == most / 2
    assert 0 < backoff.delay(attempts, 1, 300) <= most


def test_a_wait_from_a_clock_that_was_set_back_is_over(album):
    making.received(album)
    ProcessingJob.objects.update(run_after=timezone.now() + timedelta(hours=1))

    assert jobs.claim_next("tester") is not None


@pytest.mark.parametrize("seconds", [backoff.NO_ROOM_SECONDS, backoff.STILL_SECONDS])
@pytest.mark.parametrize("most", [0, 1, 4, 300])
def test_a_job_that_was_put_off_is_not_due_before_its_time_however_short_retries_wait(album, settings, seconds, most):
    """It would be taken again at once, and again, for as long as the disk is full."""
    settings.BACKOFF_MAX_SECONDS = most
    making.received(album)

    jobs.postpone(jobs.claim_next("tester"), "disk-full", "There was no room.", seconds=seconds)

    assert jobs.claim_next("tester") is None
    ProcessingJob.objects.update(run_after=timezone.now())
    assert jobs.claim_next("tester") is not None


def test_rendering_again_is_not_due_before_its_time_either(album, settings):
    settings.BACKOFF_MAX_SECONDS = 1
    job = making.job_in(album, JobState.COMPLETED)
    soon = timezone.now() + timedelta(seconds=backoff.longest(1))
    Rerender.objects.create(photo=job.photo, turn=0, run_after=soon)

    assert not Rerender.objects.due().exists()
