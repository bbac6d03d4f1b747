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
from processing.maintenance import sweep as recovery
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
from processing.rendering.sandbox import Crashed, TimedOut
from processing.storage import keys as storage_keys
from tests import polling
from tests.pipeline import raws
from tests.processing import making

pytestmark = pytest.mark.django_db


def test_there_is_nothing_to_do_in_an_empty_queue(db):
    assert worker.develop_next() is False


def test_an_owners_photos_are_taken_in_a_row_but_not_for_long(album, stranger):
    theirs = Album.objects.create(title="Theirs", owner=stranger)
    batches = [making.received(album).batch, making.received(theirs).batch]
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


def test_a_broken_file_fails_at_once_with_words_and_keeps_its_raw_file(album, data_dir):
    making.received(album, b"this is no picture at all", name="notes.jpg")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "not-an-image", 1)
    assert (data_dir / job.raw_path).read_bytes() == b"this is no picture at all"


def test_a_raw_file_that_is_away_is_waited_for_and_then_told(album, data_dir, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 2, 0
    job = making.received(album)
    (data_dir / job.raw_path).unlink()

    states = []
    for _ in range(2):
        worker.develop_next()
        job.refresh_from_db()
        states.append((job.state, job.error_code))

    assert states == [(JobState.PENDING, "raw-missing"), (JobState.FAILED, "raw-missing")]


def test_a_storage_that_does_not_write_is_tried_again(album, monkeypatch):
    making.received(album)

    def fails(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("processing.storage.router.PlacedStore.move_in", fails)
    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "storage")


@pytest.mark.embedded
def test_a_copy_cut_off_on_a_disk_without_links_is_left_where_the_sweep_finds_it(album, data_dir, monkeypatch):
    making.received(album)

    def no_links(*_):
        raise OSError(errno.EPERM, "no links here")

    copied = shutil.copyfile

    def cut_off(source, draft):
        if Path(draft).suffix != ".part":  # for the child to read
            return copied(source, draft)
        Path(draft).write_bytes(b"half")
        raise OSError(errno.EIO, "cut off")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(shutil, "copyfile", cut_off)
    worker.develop_next()

    assert not list((data_dir / "originals").rglob("*.*"))
    assert storage_keys.owner(f"incoming/{next((data_dir / 'incoming').glob('*.part')).name}") is not None


def test_a_killed_child_is_one_attempt_and_the_next_photo_goes_on(album):
    batch = making.received(album).batch
    worker.develop_next()
    child = shared_sandbox.sandbox()._child.process
    job = making.received(album, batch=batch)
    child.send_signal(signal.SIGSTOP)
    polling.until(lambda: is_stopped(child.pid), 60, "the child does not stop")
    thread = threading.Thread(target=kill_when_it_is_asked, args=(child,), daemon=True)
    thread.start()

    worker.develop_next()

    thread.join(60)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (JobState.PENDING, "crashed", 1)
    making.received(album, batch=batch)
    worker.develop_next()
    assert album.photos.count() == 2


def test_albums_of_one_owner_share_a_child_and_those_of_another_get_a_new_one(album, owner, stranger):
    children = []
    for whose in (owner, owner, stranger):
        making.received(Album.objects.create(title="Another", owner=whose))
        worker.develop_next()
        children.append(shared_sandbox.sandbox().pid)

    assert children[0] == children[1] != children[2]
    assert None not in children


def test_nothing_is_left_in_the_sandboxes_folder(album, data_dir):
    making.received(album)

    worker.develop_next()

    assert sorted(path.name for path in (data_dir / "sandbox").rglob("*") if path.is_file()) == ["in-use", "lock"]
    shared_sandbox.sandbox().close()
    assert [path.name for path in (data_dir / "sandbox").iterdir()] == ["lock"]


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def kill_when_it_is_asked(child: subprocess.Popen[bytes]) -> None:
    """A stopped child leaves its request in the pipe."""

    def unread() -> int:
        return struct.unpack("i", fcntl.ioctl(child.stdin, termios.FIONREAD, bytes(4)))[0]

    polling.until(unread, 60, "the child is not asked")
    child.kill()


def test_a_job_cancelled_while_it_is_rendered_becomes_no_photo(album, data_dir, monkeypatch):
    making.received(album)
    develop = shared_sandbox.sandbox().develop

    def cancelled_meanwhile(*paths, **options):
        picture = develop(*paths, **options)
        jobs.cancel(ProcessingJob.objects.get(), "owner")
        return picture

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", cancelled_meanwhile)
    worker.develop_next()

    assert (Photo.objects.count(), ProcessingJob.objects.get().state) == (0, JobState.CANCELLED)
    assert not list((data_dir / "renditions").rglob("*.webp"))


def test_a_worker_that_lost_its_claim_publishes_nothing_and_the_next_one_does(
    album, data_dir, stored, monkeypatch, django_capture_on_commit_callbacks
):
    making.received(album)
    adopt = worker.store().move_in

    def rescued_meanwhile(files):
        adopt(files)
        ProcessingJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        recovery.sweep()
        ProcessingJob.objects.update(run_after=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        monkeypatch.setattr(worker.store(), "move_in", rescued_meanwhile)
        worker.develop_next()
        monkeypatch.undo()
        assert Photo.objects.count() == 0
        worker.develop_next()
    Leftover.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    recovery.sweep()

    photo = Photo.objects.get()
    kept = {str(p.relative_to(data_dir)) for room in ("originals", "renditions") for p in (stored / room).rglob("*.*")}
    assert kept == {photo.original_key, *photo.renditions.values_list("key", flat=True)}


def test_a_heartbeat_keeps_the_lease_while_the_picture_is_rendered(album, settings, monkeypatch, transactional_db):
    settings.LEASE_SECONDS = 1
    making.received(album)
    develop = shared_sandbox.sandbox().develop
    renewed = threading.Event()
    renew = jobs.renew

    def told(job):
        kept = renew(job)
        renewed.set()
        return kept

    def slow(*paths, **options):
        assert renewed.wait(60)
        return develop(*paths, **options)

    monkeypatch.setattr(jobs, "renew", told)
    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", slow)
    worker.develop_next()

    assert album.photos.count() == 1


def test_a_heart_goes_on_beating_when_the_database_was_away(album, settings, monkeypatch, transactional_db):
    settings.LEASE_SECONDS = 0.2
    making.received(album)
    develop, renew = shared_sandbox.sandbox().develop, jobs.renew
    renewed = threading.Event()
    answers = iter([OperationalError("database is locked")])

    def trying(job):
        for error in answers:
            raise error
        renewed.set()
        return renew(job)

    def slow(*paths, **options):
        assert renewed.wait(60)
        return develop(*paths, **options)

    monkeypatch.setattr(jobs, "renew", trying)
    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", slow)
    worker.develop_next()

    assert album.photos.count() == 1


def test_stopping_hands_the_running_job_back(album, monkeypatch):
    making.received(album)

    def stopped_meanwhile(*_, **__):
        worker.stop()
        raise worker.Aborted

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", stopped_meanwhile)
    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.attempts, job.events.filter(edge="release").count()) == (JobState.PENDING, 0, 1)


def test_capture_time_place_and_exposure_are_kept(album):
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
def test_a_file_without_a_time_inside_has_that_of_its_name_or_its_own_date(album, name, expected):
    job = making.received(album, name=name)
    job.upload.modified_at = datetime(2023, 5, 6, 7, 8, 9, 123_000, tzinfo=UTC)
    job.upload.save()

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.taken_at.isoformat(), photo.taken_offset_minutes, photo.taken_from) == expected


def test_the_moment_of_sending_is_no_time_of_taking(album):
    making.received(album, name="IMG_1.jpg")

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.taken_at, photo.taken_from) == (None, "")


def test_a_camera_raw_says_how_it_is_shown(album, client, owner, tmp_path):
    source = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), orientation=6)
    making.received(album, source.read_bytes(), name="photo.dng")

    worker.develop_next()

    photo = album.photos.get()
    assert (photo.format, photo.width, photo.height) == ("DNG", 400, 600)
    assert (photo.original_key[-4:], [note["code"] for note in photo.notes]) == (".dng", ["raw-developed"])
    client.force_login(owner)
    assert photo.notes[0]["message"].replace("'", "&#x27;") in client.get(photo.get_absolute_url()).content.decode()


@pytest.mark.embedded
def test_a_raw_file_is_not_lost_while_its_storage_is_away(album, data_dir, monkeypatch):
    """The storage goes after the worker has asked for it."""
    making.received(album)
    monkeypatch.setattr("processing.rendering.worker.admission.for_worker", lambda: None)
    (data_dir / "incoming").rename(data_dir / "elsewhere")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "raw-missing")
    assert not (data_dir / "incoming").exists()


@pytest.mark.parametrize(("before", "state"), [("storage", JobState.PENDING), ("timeout", JobState.FAILED)])
def test_only_the_second_timeout_in_a_row_is_for_good(album, monkeypatch, before, state):
    making.received(album)
    jobs.retry(jobs.claim_next("tester"), before, "It did not work.")
    ProcessingJob.objects.update(run_after=timezone.now())

    def late(*_, **__):
        raise TimedOut

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", late)
    worker.develop_next()

    assert ProcessingJob.objects.get().state == state


def test_a_file_that_crashes_the_developer_again_and_again_is_set_aside_with_words(album, monkeypatch, settings):
    settings.MAX_ATTEMPTS, settings.BACKOFF_BASE_SECONDS = 3, 0
    making.received(album)

    def crash(*_, **__):
        raise Crashed

    monkeypatch.setattr(shared_sandbox.sandbox(), "develop", crash)
    for _ in range(3):
        worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "crashed", 3)
    assert "After 3 attempts it is set aside" in job.error_message


def test_a_database_that_misses_a_heartbeat_costs_no_claim(album, monkeypatch):
    job = making.job_in(album, JobState.PROCESSING)
    job.refresh_from_db()

    def locked(_):
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "renew", locked)
        patch.setattr(worker.connection, "close", lambda: None)
        assert worker._is_held(job)
    assert worker._is_held(job)


def taken_meanwhile(album: Album, job: ProcessingJob) -> Photo:
    """Its bytes became a photo another way, after it was received."""
    photo = making.photo(album, job)
    photo.original_sha256 = job.upload.sha256
    photo.save()
    return photo


def test_bytes_that_became_a_photo_meanwhile_are_told_as_a_duplicate(album):
    taken_meanwhile(album, making.received(album))

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "duplicate", 1)
    assert job.error_message == "Already in this album."


def test_a_sidecar_that_is_kept_meanwhile_is_told_as_a_duplicate(album):
    words = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    job = making.received(album, words, name="a.xmp")
    Companion.objects.create(
        album=album, kind="sidecar", name="a.xmp", key="originals/ab/a.xmp", bytes=1, sha256=job.upload.sha256
    )

    worker.develop_next()

    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "duplicate")
    assert "Already stored in this album" in job.error_message


def test_rows_that_the_database_refuses_for_another_reason_are_no_duplicate(album, caplog):
    """It is tried again, the raw file stays, and the log has the reason."""
    taken = making.photo(album, making.received(album, name="a.jpg"))
    taken.save()
    connection.check_constraints()  # PostgreSQL changes no table with checks still to be made
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX by_a_later_version ON albums_photo (name)")

    worker.develop_next()

    job = ProcessingJob.objects.get()
    assert (job.state, job.error_code) == (JobState.PENDING, "internal")
    assert "the database refused its rows" in caplog.text
    assert list(album.photos.all()) == [taken]
