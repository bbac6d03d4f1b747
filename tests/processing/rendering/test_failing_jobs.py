"""What happens to a job that fails: retries, codes, and the files that are kept."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from albums.models import Album, Companion, Photo
from processing import jobs
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from processing.rendering.sandbox import Crashed, TimedOut
from processing.storage import keys as storage_keys
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_a_file_that_is_no_picture_fails_at_once_and_keeps_its_raw_file(album, data_dir):
    making.received(album, b"this is no picture at all", name="notes.jpg")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "not-an-image", 1)
    assert (data_dir / job.raw_path).read_bytes() == b"this is no picture at all"


def test_a_job_whose_raw_file_is_missing_is_retried_and_then_fails(album, data_dir, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    job = making.received(album)
    (data_dir / job.raw_path).unlink()

    states = []
    for _ in range(2):
        worker.develop_next()
        job.refresh_from_db()
        states.append((job.state, job.error_code))

    assert states == [(JobState.PENDING, "raw-missing"), (JobState.FAILED, "raw-missing")]


def test_a_job_whose_renditions_cannot_be_written_is_retried(album, monkeypatch):
    making.received(album)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("processing.storage.router.PlacedStore.move_in", fail)
    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "storage")


@pytest.mark.embedded
def test_a_copy_interrupted_on_a_disk_without_links_is_left_for_the_sweep(album, data_dir, monkeypatch):
    making.received(album)

    def no_links(*_):
        raise OSError(errno.EPERM, "no links here")

    copyfile = shutil.copyfile

    def fail_halfway(source, draft):
        if Path(draft).suffix != ".part":  # for the child to read
            return copyfile(source, draft)
        Path(draft).write_bytes(b"half")
        raise OSError(errno.EIO, "cut off")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(shutil, "copyfile", fail_halfway)
    worker.develop_next()

    assert not list((data_dir / "originals").rglob("*.*"))
    assert storage_keys.owner(f"incoming/{next((data_dir / 'incoming').glob('*.part')).name}") is not None


@pytest.mark.embedded
def test_a_raw_file_is_not_lost_while_its_storage_is_missing(album, data_dir, monkeypatch):
    """The storage disappears after the worker has checked for it."""
    making.received(album)
    monkeypatch.setattr("processing.rendering.worker.admission.for_worker", lambda: None)
    (data_dir / "incoming").rename(data_dir / "elsewhere")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "raw-missing")
    assert not (data_dir / "incoming").exists()


@pytest.mark.parametrize(("previous_code", "state"), [("storage", JobState.PENDING), ("timeout", JobState.FAILED)])
def test_a_job_fails_on_its_second_timeout_in_a_row(album, monkeypatch, previous_code, state):
    making.received(album)
    jobs.retry(jobs.claim_next("tester"), previous_code, "It did not work.")
    ProcessingJob.objects.update(run_after=timezone.now())

    def time_out(*_, **__):
        raise TimedOut

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", time_out)
    worker.develop_next()

    assert ProcessingJob.objects.get().state == state


def test_a_file_that_crashes_the_child_at_each_attempt_fails_with_a_message(album, monkeypatch, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 3, 0
    making.received(album)

    def crash(*_, **__):
        raise Crashed

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", crash)
    for _ in range(3):
        worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "crashed", 3)
    assert "Gave up after 3 attempts: this file probably causes the problem." in job.error_message


def photo_with_same_bytes(album: Album, job: ProcessingJob) -> Photo:
    """A photo with the bytes of the job, added another way after the file was received."""
    photo = making.photo(album, job)
    photo.original_sha256 = job.upload.sha256
    photo.save()
    return photo


def test_a_file_whose_bytes_became_a_photo_meanwhile_fails_as_a_duplicate(album):
    photo_with_same_bytes(album, making.received(album))

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "duplicate", 1)
    assert job.error_message == "Already in this album."


def test_a_sidecar_that_was_stored_meanwhile_fails_as_a_duplicate(album):
    sidecar = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    job = making.received(album, sidecar, name="a.xmp")
    Companion.objects.create(
        album=album, kind="sidecar", name="a.xmp", key="originals/ab/a.xmp", bytes=1, sha256=job.upload.sha256
    )

    worker.develop_next()

    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "duplicate")
    assert "Already stored in this album" in job.error_message


def test_rows_that_the_database_rejects_for_another_reason_are_no_duplicate(album, caplog):
    """The job is retried, the raw file is kept, and the log has the reason."""
    first_photo = making.photo(album, making.received(album, name="a.jpg"))
    first_photo.save()
    connection.check_constraints()  # PostgreSQL changes no table with checks still to be made
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX by_a_later_version ON albums_photo (name)")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "internal")
    assert "the database rejected its rows" in caplog.text
    assert list(album.photos.all()) == [first_photo]
