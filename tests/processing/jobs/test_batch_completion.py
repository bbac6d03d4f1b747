"""The end of a batch is announced exactly once, by the process that settles its last file."""

import threading
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.jobs import batch_completion
from processing.maintenance import sweep
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState
from processing.rendering import worker
from processing.uploads import batches, lifecycle, preflight, rejections
from processing.uploads.manifest import Declared
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def announced():
    """The IDs of the announced batches, in order."""
    announced = []

    def receive(batch: Batch, **_) -> None:
        announced.append(batch.pk)

    batch_completion.batch_finished.connect(receive)
    yield announced
    batch_completion.batch_finished.disconnect(receive)


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Returns a function that calls another one and runs its on_commit callbacks."""

    def call(function, *args):
        with django_capture_on_commit_callbacks(execute=True):
            return function(*args)

    return call


def complete_next(album: Album) -> ProcessingJob:
    """Publishes a photo like a worker that is killed before it checks whether the batch is finished."""
    job = jobs.claim_next("tester")
    jobs.complete(job, making.photo(album, job), [])
    return job


def test_a_worker_announces_the_batch_after_its_last_job(album, announced):
    batch = making.received(album).batch
    making.received(album, b"no picture", batch=batch)

    worker.develop_next()
    assert (announced, Batch.objects.get().finished_at) == ([], None)
    worker.develop_next()

    assert announced == [batch.pk]
    assert Batch.objects.get().finished_at is not None


def test_a_worker_goes_on_although_the_end_of_a_batch_cannot_be_recorded(album, announced, caplog):
    making.received(album)

    def fail(**_) -> None:
        raise RuntimeError

    batch_completion.batch_finished.connect(fail)
    did_work = worker.develop_next()
    batch_completion.batch_finished.disconnect(fail)

    assert did_work
    assert ProcessingJob.objects.get().state == JobState.COMPLETED
    assert Batch.objects.get().finished_at is None
    assert "the next sweep tries again" in caplog.text


def test_a_batch_is_active_while_a_file_is_being_received_or_waits_for_a_retry(album, announced):
    batch = making.received(album).batch
    upload = making.upload(album, batch=batch)
    complete_next(album)
    assert not batch_completion.finish(batch.pk)

    lifecycle.reject(upload, rejections.EMPTY)
    making.received(album, batch=batch)
    jobs.retry(jobs.claim_next("tester"), "storage", "It did not work.")
    assert not batch_completion.finish(batch.pk)

    assert announced == []


def test_a_file_that_arrives_while_its_batch_is_looked_at_keeps_it_going(album, monkeypatch):
    upload, receiving = making.upload(album), Upload.objects.receiving

    def arrive_before() -> object:
        monkeypatch.undo()
        assert lifecycle.finish(upload, 4, "0" * 64)
        return receiving()

    monkeypatch.setattr(Upload.objects, "receiving", arrive_before)

    assert not batch_completion.finish(upload.batch_id)


def test_a_receiver_that_fails_for_one_batch_does_not_stop_the_sweep(album, announced):
    winter = Album.objects.create(title="Winter", owner=album.owner)
    first, second = (making.job_in(target, JobState.COMPLETED).batch for target in (album, winter))

    def fail(batch: Batch, **_) -> None:
        if batch == first:
            raise RuntimeError

    batch_completion.batch_finished.connect(fail)
    sweep.sweep()
    batch_completion.batch_finished.disconnect(fail)

    assert set(Batch.objects.filter(finished_at=None)) == {first}
    assert second.pk in announced
    sweep.sweep()
    assert announced[-1] == first.pk


def expire(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now() - timedelta(days=1))
    sweep.sweep()


@pytest.mark.parametrize(
    "end_upload",
    [
        lambda upload: lifecycle.reject(upload, rejections.EMPTY),
        lambda upload: lifecycle.skip(upload, rejections.COMPANION),
        lambda upload: lifecycle.cancel(upload, "cancelled", "Cancelled by its sender."),
        lambda upload: batches.cancel(upload.album, "anna"),
        lambda upload: batches.stop_receiving([upload.album_id]),
        lambda upload: lifecycle.finish(upload, 4, photo_checksum(upload)),
        expire,
    ],
    ids=["rejected", "skipped", "cancelled", "all cancelled", "album in the trash", "a duplicate", "expired"],
)
def test_a_batch_ends_with_an_upload_that_has_no_job(album, announced, committed, end_upload):
    batch = making.received(album).batch
    last_upload = making.upload(album, "last.jpg", batch)
    complete_next(album)

    committed(end_upload, last_upload)

    assert announced == [batch.pk]
    sweep.sweep()
    assert announced == [batch.pk]


def photo_checksum(upload: Upload) -> str:
    """Returns the checksum of the photo in the album."""
    return upload.album.photos.get().original_sha256


@pytest.mark.parametrize("state", [JobState.PENDING, JobState.PROCESSING])
def test_a_batch_ends_with_a_job_that_is_cancelled(album, announced, committed, state):
    job = making.job_in(album, state)

    committed(jobs.cancel, job, "anna")

    assert announced == [job.batch_id]


def test_a_batch_ends_with_a_job_whose_lease_and_attempts_are_spent(album, announced, settings):
    settings.MAX_ATTEMPTS = 1
    job = making.job_in(album, JobState.PROCESSING)
    ProcessingJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    sweep.sweep()

    assert ProcessingJob.objects.get().state == JobState.FAILED
    assert announced == [job.batch_id]


def test_a_declared_batch_without_a_file_to_send_ends_at_once(album, owner, announced, committed):
    empty_file = Declared(raw_name="a.jpg", size=0)

    declaration = committed(preflight.declare, album, owner, [empty_file])

    assert announced == [declaration.batch.pk]


def test_a_batch_whose_worker_died_after_its_last_job_is_announced_by_one_sweep(album, announced):
    making.received(album)
    job = complete_next(album)
    assert announced == []

    finished_counts = [sweep.sweep().finished_batches for _ in range(2)]

    assert (announced, finished_counts) == ([job.batch_id], [1, 0])


def test_the_sweep_does_not_finish_active_batches(album, owner, announced):
    making.job_in(album, JobState.PENDING)
    making.job_in(Album.objects.create(title="Winter", owner=owner), JobState.PROCESSING)
    making.upload(Album.objects.create(title="Spring", owner=owner))

    assert batch_completion.finish_all() == 0
    assert announced == []


def test_a_failed_announcement_is_rolled_back_and_repeated(album, announced):
    job = making.job_in(album, JobState.COMPLETED)

    def fail(**_) -> None:
        Album.objects.update(title="Half done")
        raise RuntimeError

    batch_completion.batch_finished.connect(fail)
    with pytest.raises(RuntimeError):
        batch_completion.finish(job.batch_id)
    batch_completion.batch_finished.disconnect(fail)
    assert (Batch.objects.get().finished_at, Album.objects.get().title) == (None, "Summer")
    announced.clear()  # the failed transaction was rolled back

    assert batch_completion.finish(job.batch_id)
    assert announced == [job.batch_id]


def test_a_batch_that_is_resumed_after_its_end_is_not_announced_again(album, announced, committed):
    job = making.job_in(album, JobState.FAILED)
    assert batch_completion.finish(job.batch_id)
    finished_at = Batch.objects.get().finished_at

    jobs.requeue(job, "anna")
    second_upload = making.upload(album, "another.jpg", job.batch)
    assert not batch_completion.finish(job.batch_id)
    worker.develop_next()
    committed(lifecycle.reject, second_upload, rejections.EMPTY)

    assert batch_completion.finish(job.batch_id)
    assert announced == [job.batch_id]
    assert Batch.objects.get().finished_at == finished_at


def test_workers_that_finish_a_batch_concurrently_announce_it_once(album, announced, transactional_db):
    batch = making.received(album).batch
    for _ in range(3):
        making.received(album, batch=batch)
    claimed_jobs = [jobs.claim_next(f"worker:{number}") for number in range(4)]
    all_done, results = threading.Barrier(len(claimed_jobs), timeout=60), []

    def work(job: ProcessingJob) -> None:
        try:
            jobs.complete(job, making.photo(album, job), [])
            all_done.wait()
            results.append(batch_completion.finish(batch.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[job], daemon=True) for job in claimed_jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert results == [True] * len(claimed_jobs)
    assert announced == [batch.pk]


def test_batches_that_had_ended_before_an_upgrade_are_not_announced(album, owner, announced):
    settled = making.job_in(album, JobState.COMPLETED).batch
    failed = making.job_in(Album.objects.create(title="Winter", owner=owner), JobState.FAILED).batch
    waiting = making.job_in(Album.objects.create(title="Spring", owner=owner), JobState.PENDING).batch
    receiving = making.upload(Album.objects.create(title="Autumn", owner=owner)).batch

    import_module("processing.migrations.0018_batch_finished").mark_settled_batches(apps, connection.schema_editor())
    sweep.sweep()

    assert announced == []
    assert set(Batch.objects.exclude(finished_at=None)) == {settled, failed}
    assert set(Batch.objects.filter(finished_at=None)) == {waiting, receiving}
