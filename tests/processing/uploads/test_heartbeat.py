"""A form upload or import does not lock its album after its process died, and loses no file while its process is slow."""

import io
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.maintenance import sweep
from processing.models import Batch, ProcessingJob, Upload, deadlines
from processing.models.states import UploadState
from processing.queries import upload_panel as panel_query
from processing.uploads import batches, heartbeat, importer, lifecycle, manifest, preflight
from processing.uploads import form as intake
from processing.uploads.batches import AlbumBusy
from processing.uploads.writer import UploadWriter
from tests import polling
from tests.processing import making

BOUND = [Batch.Source.FORM, Batch.Source.IMPORT]
RESUMABLE = [Batch.Source.PAGE, Batch.Source.TUS, Batch.Source.DIRECT]


def set_silence(settings, seconds: float) -> None:
    """Sets the last heartbeat of all uploads in progress to so many seconds ago."""
    time_left = timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
    Upload.objects.receiving().update(expires_at=timezone.now() + time_left)


def abandoned_upload(album: Album, settings, source: Batch.Source = Batch.Source.FORM) -> Upload:
    """Returns an upload of a process that died."""
    upload = batches.open_with_upload(album, album.owner, source, "photo.jpg")
    set_silence(settings, deadlines.SILENCE_SECONDS + 1)
    return upload


def form(*contents: tuple[str, bytes]) -> bytes:
    head = '--X\r\nContent-Disposition: form-data; name="photos"; filename="{}"\r\n\r\n'
    return b"".join(head.format(name).encode() + content + b"\r\n" for name, content in contents) + b"--X--\r\n"


def send(client: Client, album: Album, body: bytes, stream: io.RawIOBase | io.BytesIO | None = None) -> int:
    content_type = "multipart/form-data; boundary=X"
    environ = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body)), "wsgi.input": stream or io.BytesIO(body)}
    return client.generic("POST", f"/albums/{album.pk}/uploads/", content_type=content_type, **environ).status_code  # type: ignore[arg-type]


@pytest.fixture
def client(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("source", BOUND)
def test_the_sweep_expires_the_uploads_of_a_dead_process(album, settings, source):
    abandoned_upload(album, settings, source)

    assert sweep.sweep().expired == 1

    upload = Upload.objects.get()
    assert (upload.state, upload.code, batches.running_in(album)) == (UploadState.EXPIRED, "cut-off", None)


@pytest.mark.django_db
@pytest.mark.parametrize("source", RESUMABLE)
def test_a_resumable_upload_may_pause_until_its_own_expiry(album, settings, source):
    abandoned_upload(album, settings, source)

    assert sweep.sweep().expired == 0
    assert batches.release(album) == 0
    assert batches.running_in(album)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [5, None])
@pytest.mark.parametrize("source", BOUND)
def test_a_resumable_upload_in_the_batch_of_a_form_may_pause_too(album, settings, source, size):
    """The form is complete, and its photos are queued: the batch is still active."""
    job = making.received(album)
    Batch.objects.update(source=source)
    joined = batches.join_or_open(album, album.owner, Batch.Source.TUS, "a.jpg", size)
    set_silence(settings, deadlines.SILENCE_SECONDS + 1)

    assert joined.batch_id == job.batch_id
    assert sweep.sweep().expired == 0
    assert batches.release(album) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("source", BOUND)
def test_an_upload_with_a_recent_heartbeat_is_left_alone(album, settings, source):
    upload = abandoned_upload(album, settings, source)
    set_silence(settings, deadlines.SILENCE_SECONDS - 10)

    assert sweep.sweep().expired == 0
    assert lifecycle.expire(upload) is False
    assert batches.release(album) == 0


@pytest.mark.django_db
def test_an_album_with_an_abandoned_form_accepts_the_next_form_before_any_sweep(album, client, settings):
    abandoned_upload(album, settings)

    assert send(client, album, form(("a.jpg", making.jpeg()))) == 302
    assert ProcessingJob.objects.get().original_filename == "a.jpg"


@pytest.mark.django_db
def test_an_album_with_an_abandoned_form_accepts_tus_and_declared_batches_too(album, owner, stranger, settings):
    abandoned_upload(album, settings)
    assert batches.join_or_open(album, stranger, Batch.Source.TUS, "a.jpg", 5).batch.source == Batch.Source.TUS
    Upload.objects.all().delete()

    abandoned_upload(album, settings)
    declared = preflight.declare(album, stranger, [manifest.Declared("b.jpg", 5)])

    assert declared.batch is not None
    assert declared.batch.opened_by == stranger


@pytest.mark.django_db
def test_the_panel_of_an_album_with_an_abandoned_form_shows_that_it_is_free(album, settings):
    abandoned_upload(album, settings)

    panel = panel_query.build(album)

    assert (panel.progress.is_busy, panel.report.rejected) == (False, 1)
    assert [upload.code for upload in Upload.objects.ended_badly()] == ["cut-off"]


@pytest.mark.django_db
def test_an_album_with_a_live_form_stays_locked(album, settings):
    batches.open_with_upload(album, album.owner, Batch.Source.FORM, "photo.jpg")

    assert panel_query.build(album).progress.is_busy
    with pytest.raises(AlbumBusy):
        batches.ensure_open(album)


class SlowBody(io.RawIOBase):
    """A body that calls `wait` once, after `after` bytes have been read."""

    def __init__(self, body: bytes, after: int, wait) -> None:
        self._body, self._after, self._wait = io.BytesIO(body), after, wait

    def read(self, size: int = -1) -> bytes:
        if self._wait and self._body.tell() >= self._after:
            wait, self._wait = self._wait, None
            wait()
        return self._body.read(min(size, 1 << 14))


@pytest.mark.django_db(transaction=True)
def test_received_files_do_not_expire_while_the_rest_of_their_form_is_slow(album, client, settings, monkeypatch):
    """The bytes that are still to come belong to a rejected file, and are not stored. They still count as a sign of life."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(intake, "MAX_FILL_SECONDS", -1)  # the handler gets received bytes before it waits for more
    settings.MAX_FILE_BYTES = 50_000
    good = making.jpeg()
    body = form(("good.jpg", good), ("huge.jpg", bytes(200_000)))

    def let_lease_expire() -> None:
        polling.until(lambda: Upload.objects.receiving().filter(name="good.jpg").exists(), what="it did not arrive")
        set_silence(settings, deadlines.SILENCE_SECONDS + 1)
        polling.until(lambda: not Upload.objects.abandoned().exists(), what="the form gives no sign of life")
        sweep.sweep()

    assert send(client, album, body, SlowBody(body, 150_000, let_lease_expire)) == 302

    assert ProcessingJob.objects.get().original_filename == "good.jpg"
    assert [thread.name for thread in threading.enumerate() if thread.name == "heartbeat"] == []


@pytest.mark.django_db(transaction=True)
def test_an_import_does_not_expire_while_the_storage_is_slow(album, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(making.jpeg())
    commit = UploadWriter.commit

    def commit_slowly(writer: UploadWriter) -> None:
        set_silence(settings, deadlines.SILENCE_SECONDS + 1)
        polling.until(lambda: not Upload.objects.abandoned().exists(), what="the import gives no sign of life")
        commit(writer)

    monkeypatch.setattr(UploadWriter, "commit", commit_slowly)

    received_uploads = list(
        importer.Importer(album).run(map(importer.ImportFile, (tmp_path / "a.jpg", tmp_path / "b.jpg")))
    )

    assert [upload.state for upload in received_uploads] == [UploadState.RECEIVED] * 2


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_ends_when_no_bytes_arrive_for_as_long_as_any_upload_may_pause(album, settings, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    settings.UPLOAD_EXPIRY_SECONDS = 0
    upload = batches.open_with_upload(album, album.owner, Batch.Source.FORM, "photo.jpg")
    heart = heartbeat.Heartbeat()
    heart.begin(upload.batch)

    polling.until(lambda: not heart._thread.is_alive(), what="it beats on")
    heart.end()

    assert Upload.objects.get().expires_at == upload.expires_at
