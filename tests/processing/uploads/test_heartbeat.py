"""A form or an import whose process died keeps no album locked; one that lives keeps all its files, however slow it is."""

import io
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.maintenance import sweep as recovery
from processing.models import Batch, ProcessingJob, Upload, deadlines
from processing.models.states import UploadState
from processing.queries import upload_panel as panel_query
from processing.uploads import batches, heartbeat, importer, manifest, preflight
from processing.uploads import form as intake
from processing.uploads import lifecycle as uploads
from processing.uploads.batches import AlbumBusy
from processing.uploads.writer import UploadWriter
from tests import polling
from tests.processing import making

BOUND = [Batch.Source.FORM, Batch.Source.IMPORT]
RESUMABLE = [Batch.Source.PAGE, Batch.Source.TUS, Batch.Source.DIRECT]


def silent(settings, seconds: float) -> None:
    """Nothing was heard for so long of whoever takes in what is on its way."""
    left = timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
    Upload.objects.receiving().update(expires_at=timezone.now() + left)


def left_behind(album: Album, settings, source: Batch.Source = Batch.Source.FORM) -> Upload:
    """By a process that died."""
    upload = batches.open_with_upload(album, album.owner, source, "photo.jpg")
    silent(settings, deadlines.SILENCE_SECONDS + 1)
    return upload


def form(*contents: tuple[str, bytes]) -> bytes:
    head = '--X\r\nContent-Disposition: form-data; name="photos"; filename="{}"\r\n\r\n'
    return b"".join(head.format(name).encode() + content + b"\r\n" for name, content in contents) + b"--X--\r\n"


def send(client: Client, album: Album, body: bytes, line: io.RawIOBase | io.BytesIO | None = None) -> int:
    kind = "multipart/form-data; boundary=X"
    told = {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body)), "wsgi.input": line or io.BytesIO(body)}
    return client.generic("POST", f"/albums/{album.pk}/uploads/", content_type=kind, **told).status_code  # type: ignore[arg-type]


@pytest.fixture
def client(owner) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("source", BOUND)
def test_what_a_dead_process_took_in_is_given_up_by_the_sweep(album, settings, source):
    left_behind(album, settings, source)

    assert recovery.sweep().expired == 1

    upload = Upload.objects.get()
    assert (upload.state, upload.code, batches.running_in(album)) == (UploadState.EXPIRED, "cut-off", None)


@pytest.mark.django_db
@pytest.mark.parametrize("source", RESUMABLE)
def test_a_resumable_upload_may_pause_for_as_long_as_ever(album, settings, source):
    left_behind(album, settings, source)

    assert recovery.sweep().expired == 0
    assert batches.release(album) == 0
    assert batches.running_in(album)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [5, None])
@pytest.mark.parametrize("source", BOUND)
def test_a_resumable_upload_that_joined_the_batch_of_a_form_may_pause_too(album, settings, source, size):
    """The form is over, and its photos wait to be developed: the batch is at work."""
    job = making.received(album)
    Batch.objects.update(source=source)
    joined = batches.join_or_open(album, album.owner, Batch.Source.TUS, "a.jpg", size)
    silent(settings, deadlines.SILENCE_SECONDS + 1)

    assert joined.batch_id == job.batch_id
    assert recovery.sweep().expired == 0
    assert batches.release(album) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("source", BOUND)
def test_one_that_gave_a_sign_of_life_just_now_is_left_alone(album, settings, source):
    upload = left_behind(album, settings, source)
    silent(settings, deadlines.SILENCE_SECONDS - 10)

    assert recovery.sweep().expired == 0
    assert uploads.expire(upload) is False
    assert batches.release(album) == 0


@pytest.mark.django_db
def test_an_album_that_a_dead_form_held_takes_the_next_form_before_any_sweep(album, client, settings):
    left_behind(album, settings)

    assert send(client, album, form(("a.jpg", making.jpeg()))) == 302
    assert ProcessingJob.objects.get().original_filename == "a.jpg"


@pytest.mark.django_db
def test_it_takes_resumable_uploads_and_declared_batches_too(album, owner, stranger, settings):
    left_behind(album, settings)
    assert batches.join_or_open(album, stranger, Batch.Source.TUS, "a.jpg", 5).batch.source == Batch.Source.TUS
    Upload.objects.all().delete()

    left_behind(album, settings)
    declared = preflight.declare(album, stranger, [manifest.Declared("b.jpg", 5)])

    assert declared.batch is not None
    assert declared.batch.opened_by == stranger


@pytest.mark.django_db
def test_its_panel_shows_that_it_is_free(album, settings):
    left_behind(album, settings)

    panel = panel_query.build(album)

    assert (panel.progress.is_busy, [each.code for each in panel.report.refused]) == (False, ["cut-off"])


@pytest.mark.django_db
def test_an_album_that_a_living_form_holds_stays_locked(album, settings):
    batches.open_with_upload(album, album.owner, Batch.Source.FORM, "photo.jpg")

    assert panel_query.build(album).progress.is_busy
    with pytest.raises(AlbumBusy):
        batches.ensure_open(album)


class Slow(io.RawIOBase):
    """A body that waits, after so many bytes, until the form's files have got a sign of life."""

    def __init__(self, body: bytes, after: int, wait) -> None:
        self._body, self._after, self._wait = io.BytesIO(body), after, wait

    def read(self, size: int = -1) -> bytes:
        if self._wait and self._body.tell() >= self._after:
            wait, self._wait = self._wait, None
            wait()
        return self._body.read(min(size, 1 << 14))


@pytest.mark.django_db(transaction=True)
def test_files_that_landed_live_on_while_the_rest_of_their_form_is_slow(album, client, settings, monkeypatch):
    """The rest is a file that is refused, of which no byte is stored: its sender is heard all the same."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(intake, "MAX_FILL_SECONDS", -1)  # what has come is looked at before the rest is waited for
    settings.MAX_FILE_BYTES = 50_000
    good = making.jpeg()
    body = form(("good.jpg", good), ("huge.jpg", bytes(200_000)))

    def a_lease_passes() -> None:
        polling.until(lambda: Upload.objects.receiving().filter(name="good.jpg").exists(), what="it did not arrive")
        silent(settings, deadlines.SILENCE_SECONDS + 1)
        polling.until(lambda: not Upload.objects.abandoned().exists(), what="the form gives no sign of life")
        recovery.sweep()

    assert send(client, album, body, Slow(body, 150_000, a_lease_passes)) == 302

    assert ProcessingJob.objects.get().original_filename == "good.jpg"
    assert [thread.name for thread in threading.enumerate() if thread.name == "heartbeat"] == []


@pytest.mark.django_db(transaction=True)
def test_an_import_lives_on_while_the_storage_is_slow(album, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(making.jpeg())
    land = UploadWriter.commit

    def slow(stream: UploadWriter) -> None:
        silent(settings, deadlines.SILENCE_SECONDS + 1)
        polling.until(lambda: not Upload.objects.abandoned().exists(), what="the import gives no sign of life")
        land(stream)

    monkeypatch.setattr(UploadWriter, "commit", slow)

    taken = list(importer.Importer(album).run(map(importer.ImportFile, (tmp_path / "a.jpg", tmp_path / "b.jpg"))))

    assert [upload.state for upload in taken] == [UploadState.RECEIVED] * 2


@pytest.mark.django_db(transaction=True)
def test_who_hears_nothing_for_as_long_as_any_upload_may_pause_gives_no_sign_any_more(album, settings, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.01)
    settings.UPLOAD_EXPIRY_SECONDS = 0
    upload = batches.open_with_upload(album, album.owner, Batch.Source.FORM, "photo.jpg")
    heart = heartbeat.Heartbeat()
    heart.begin(upload.batch)

    polling.until(lambda: not heart._thread.is_alive(), what="it beats on")
    heart.end()

    assert Upload.objects.get().expires_at == upload.expires_at
