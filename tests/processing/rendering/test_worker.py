"""The worker with the real pipeline in its real sandbox."""

import errno
import fcntl
import hashlib
import io
import os
import shutil
import signal
import struct
import subprocess
import termios
import threading
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from PIL import Image

from albums.models import Album, Companion, Leftover, Photo
from processing import jobs
from processing.maintenance import sweep
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from processing.rendering.sandbox import Crashed, TimedOut
from processing.storage import keys as storage_keys
from tests import polling
from tests.pipeline import raws
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_an_empty_queue_has_no_job(db):
    assert worker.develop_next() is False


def test_photos_of_one_owner_are_processed_in_a_row_but_not_for_long(album, stranger):
    other_album = Album.objects.create(title="Theirs", owner=stranger)
    batches = [making.received(album).batch, making.received(other_album).batch]
    for batch in batches * 7:
        making.received(batch.album, batch=batch)
    shared_sandbox.sandbox().rest()

    owners = []
    while worker.develop_next():
        owners.append(ProcessingJob.objects.filter(state=JobState.COMPLETED).latest("finished_at").album.owner_id)

    assert [(owner, len(list(jobs))) for owner, jobs in groupby(owners)] == [
        *((album.owner_id, 6), (stranger.pk, 6), (album.owner_id, 2), (stranger.pk, 2))
    ]


def test_a_raw_file_becomes_a_photo_with_its_original_and_renditions(
    album, data_dir, django_capture_on_commit_callbacks
):
    content = making.jpeg((900, 600))
    making.received(album, content, name="IMG_1.jpg")

    with django_capture_on_commit_callbacks(execute=True):
        assert worker.develop_next() is True

    photo = album.photos.get()
    assert (photo.name, photo.width, photo.height, photo.format) == ("IMG_1.jpg", 900, 600, "JPEG")
    assert photo.original_sha256 == hashlib.sha256(content).hexdigest()
    assert (data_dir / photo.original_key).read_bytes() == content
    renditions = list(photo.renditions.all())
    assert [(r.edge, r.width, r.height) for r in renditions] == [
        (900, 900, 600),
        (800, 800, 533),
        (400, 400, 267),
    ]
    for rendition in renditions:
        with Image.open(data_dir / rendition.key) as image:
            assert (image.format, image.size) == ("WEBP", (rendition.width, rendition.height))
        assert (data_dir / rendition.key).stat().st_size == rendition.bytes
    assert (list((data_dir / "incoming").iterdir()), Leftover.objects.count()) == ([], 0)


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


def test_a_killed_child_costs_one_attempt_and_the_next_photo_is_processed(album):
    batch = making.received(album).batch
    worker.develop_next()
    child = shared_sandbox.sandbox()._child.process
    job = making.received(album, batch=batch)
    child.send_signal(signal.SIGSTOP)
    polling.until(lambda: is_stopped(child.pid), 60, "the child does not stop")
    thread = threading.Thread(target=kill_when_request_is_sent, args=(child,), daemon=True)
    thread.start()

    worker.develop_next()

    thread.join(60)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (JobState.PENDING, "crashed", 1)
    making.received(album, batch=batch)
    worker.develop_next()
    assert album.photos.count() == 2


def test_albums_of_one_owner_share_a_child_and_other_owners_get_a_new_one(album, owner, stranger):
    children = []
    for user in (owner, owner, stranger):
        making.received(Album.objects.create(title="Another", owner=user))
        worker.develop_next()
        children.append(shared_sandbox.sandbox().pid)

    assert children[0] == children[1] != children[2]
    assert None not in children


def test_no_file_is_left_in_the_sandbox_directory(album, data_dir):
    making.received(album)

    worker.develop_next()

    assert sorted(path.name for path in (data_dir / "sandbox").rglob("*") if path.is_file()) == ["in-use", "lock"]
    shared_sandbox.sandbox().close()
    assert [path.name for path in (data_dir / "sandbox").iterdir()] == ["lock"]


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def kill_when_request_is_sent(child: subprocess.Popen[bytes]) -> None:
    """A stopped child leaves its request in the pipe."""

    def unread_bytes() -> int:
        return struct.unpack("i", fcntl.ioctl(child.stdin, termios.FIONREAD, bytes(4)))[0]

    polling.until(unread_bytes, 60, "the child is not asked")
    child.kill()


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


def test_capture_time_offset_and_exposure_are_stored(album):
    image = Image.new("RGB", (40, 30))
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "ACME", "One"
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x9011: "+02:00", 0x829D: 2.8, 0x8827: 200})

    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    making.received(album, file.getvalue())

    worker.develop_next()

    photo = album.photos.get()
    assert photo.taken_at.isoformat() == "2024-05-06T05:08:09+00:00"
    assert (photo.taken_offset_minutes, photo.aperture, photo.iso) == (120, 2.8, 200)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_20240131_142233.jpg", ("2024-01-31T14:22:33+00:00", None, "name")),
        ("IMG_1.jpg", ("2023-05-06T07:08:09+00:00", 0, "file")),
    ],
)
def test_without_capture_time_in_the_file_its_name_or_date_is_used(album, name, expected):
    job = making.received(album, name=name)
    job.upload.modified_at = datetime(2023, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
    job.upload.save()

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.taken_at.isoformat(), photo.taken_offset_minutes, photo.taken_from) == expected


def test_the_time_of_the_upload_is_no_capture_time(album):
    making.received(album, name="IMG_1.jpg")

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.taken_at, photo.taken_from) == (None, "")


def test_a_camera_raw_has_a_note_on_how_it_is_shown(album, client, owner, tmp_path):
    source = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), orientation=6)
    making.received(album, source.read_bytes(), name="photo.dng")

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.format, photo.width, photo.height) == ("DNG", 400, 600)
    assert (photo.original_key[-4:], [note["code"] for note in photo.notes]) == (".dng", ["raw-developed"])
    client.force_login(owner)
    assert photo.notes[0]["message"].replace("'", "&#x27;") in client.get(photo.get_absolute_url()).content.decode()


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


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_marked_in_the_album(album, client, owner, file_format):
    content = io.BytesIO()
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(content, file_format, save_all=True, append_images=frames[1:], duration=100)
    making.received(album, content.getvalue(), name="photo")

    worker.develop_next()

    assert album.photos.get().marks == ["Animated"]
    client.force_login(owner)
    assert '<span class="tile__mark">Animated</span>' in client.get(album.get_absolute_url()).content.decode()
