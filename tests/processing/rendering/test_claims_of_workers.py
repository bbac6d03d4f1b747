"""A worker keeps its claim by heartbeats, and publishes nothing after it lost the claim or the job was cancelled."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from albums.models import Leftover, Photo
from processing import jobs
from processing.maintenance import sweep
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_job_cancelled_while_it_is_rendered_becomes_no_photo(album, data_dir, monkeypatch):
    making.received(album)
    develop = shared_sandbox.sandbox().develop

    def develop_and_cancel(*paths, **options):
        picture = develop(*paths, **options)
        jobs.cancel(ProcessingJob.objects.get(), "owner")
        return picture

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", develop_and_cancel)
    worker.develop_next()

    assert (Photo.objects.count(), ProcessingJob.objects.get().state) == (0, JobState.CANCELLED)
    assert not list((data_dir / "renditions").rglob("*.webp"))


def test_a_worker_that_lost_its_claim_publishes_nothing_and_the_next_one_does(
    album, data_dir, stored, monkeypatch, django_capture_on_commit_callbacks
):
    making.received(album)
    move_in = worker.store().move_in

    def move_in_and_lose_claim(files):
        move_in(files)
        ProcessingJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        sweep.sweep()
        ProcessingJob.objects.update(run_after=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        monkeypatch.setattr(worker.store(), "move_in", move_in_and_lose_claim)
        worker.develop_next()
        monkeypatch.undo()
        assert Photo.objects.count() == 0
        worker.develop_next()
    Leftover.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    sweep.sweep()

    photo = Photo.objects.get()
    keys = {
        str(p.relative_to(data_dir))
        for directory in ("originals", "renditions")
        for p in (stored / directory).rglob("*.*")
    }
    assert keys == {photo.original_key, *photo.renditions.values_list("key", flat=True)}


def test_heartbeats_extend_the_lease_while_the_picture_is_rendered(album, settings, monkeypatch, transactional_db):
    settings.LEASE_SECONDS = 1
    making.received(album)
    develop = shared_sandbox.sandbox().develop
    renewed = threading.Event()
    renew = jobs.renew

    def renew_and_signal(job):
        is_renewed = renew(job)
        renewed.set()
        return is_renewed

    def develop_after_renewal(*paths, **options):
        assert renewed.wait(60)
        return develop(*paths, **options)

    monkeypatch.setattr(jobs, "renew", renew_and_signal)
    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", develop_after_renewal)
    worker.develop_next()

    assert album.photos.count() == 1


def test_heartbeats_continue_after_a_database_error(album, settings, monkeypatch, transactional_db):
    settings.LEASE_SECONDS = 0.2
    making.received(album)
    develop, renew = shared_sandbox.sandbox().develop, jobs.renew
    renewed = threading.Event()
    errors = iter([OperationalError("database is locked")])

    def renew_or_fail(job):
        for error in errors:
            raise error
        renewed.set()
        return renew(job)

    def develop_after_renewal(*paths, **options):
        assert renewed.wait(60)
        return develop(*paths, **options)

    monkeypatch.setattr(jobs, "renew", renew_or_fail)
    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", develop_after_renewal)
    worker.develop_next()

    assert album.photos.count() == 1


def test_stopping_the_worker_releases_the_running_job(album, monkeypatch):
    making.received(album)

    def stop_worker(*_, **__):
        worker.stop()
        raise worker.Aborted

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", stop_worker)
    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.attempts, job.events.filter(edge="release").count()) == (JobState.PENDING, 0, 1)


def test_a_heartbeat_that_fails_in_the_database_does_not_lose_the_claim(album, monkeypatch):
    job = making.job_in(album, JobState.PROCESSING)
    job.refresh_from_db()

    def fail(_):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "renew", fail)
        patch.setattr(worker.connection, "close", lambda: None)
        assert worker._is_held(job)
    assert worker._is_held(job)
