"""The worker with the real pipeline in its real sandbox."""

import fcntl
import hashlib
import io
import signal
import struct
import subprocess
import termios
import threading
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pytest
from PIL import Image

from albums.models import Album, Leftover
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import shared_sandbox, worker
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
