"""The body of the upload form: its parts, their limits, its end, and bodies without a length."""

import io
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from albums.models import Album
from processing.models import ProcessingJob, Upload
from processing.models.states import UploadState
from processing.uploads import form
from tests.journeys.uploads.form_client import JSON, PHOTO, multipart, picked, rejection_codes, send, send_parts
from tests.processing import making
from tests.processing.lines import Line

pytestmark = pytest.mark.django_db


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class FileCountingBody(io.BytesIO):
    """A body that records, at each read, how many files this process has open."""

    max_open_files = 0

    def read(self, size: int | None = -1) -> bytes:
        self.max_open_files = max(self.max_open_files, open_files())
        return super().read(size)


def test_a_form_of_a_thousand_files_keeps_few_of_them_open_at_once(signed_in, album, settings):
    content = making.jpeg((16, 16))
    settings.MAX_BATCH_FILES = 60
    files = [(f'name="photos"; filename="{n}.jpg"', content + bytes([n // 256, n % 256])) for n in range(1003)]
    body = FileCountingBody(multipart(*files))
    open_before = open_files()

    response = signed_in.generic(
        "POST",
        f"/albums/{album.pk}/uploads/",
        content_type="multipart/form-data; boundary=X",
        **{
            "CONTENT_TYPE": "multipart/form-data; boundary=X",
            "CONTENT_LENGTH": str(len(body.getvalue())),
            "wsgi.input": body,
        },
    )

    assert response.status_code == 302
    assert (ProcessingJob.objects.count(), set(rejection_codes().values()), len(rejection_codes())) == (
        60,
        {"too-many-files"},
        943,
    )
    assert body.max_open_files <= open_before + 10


@pytest.mark.parametrize(
    "extra_part",
    [
        'name="photos"; filename="b.jpg"',
        'name="elsewhere"; filename="b.jpg"',
        'name="note"',
    ],
)
def test_a_form_of_too_many_parts_is_ended_and_its_first_files_are_kept(signed_in, album, monkeypatch, extra_part):
    monkeypatch.setattr(form, "MAX_PARTS", 5)
    monkeypatch.setattr(form.FormUploadHandler, "chunk_size", 4096)  # so that the body is read in several chunks

    response = send_parts(signed_in, album, (PHOTO, making.jpeg()), *[(extra_part, bytes(5000))] * 50, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "too-many-parts")
    assert "a.jpg" in ProcessingJob.objects.values_list("original_filename", flat=True)
    assert Upload.objects.count() <= 6
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("extra_part", ['filename="b.jpg"', ""])
def test_parts_without_a_name_count_towards_the_limit(signed_in, album, monkeypatch, extra_part):
    monkeypatch.setattr(form, "MAX_PARTS", 5)

    response = send_parts(signed_in, album, (PHOTO, making.jpeg()), *[(extra_part, bytes(5000))] * 50, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "too-many-parts")


@pytest.mark.parametrize("parts", [[('name="note"', bytes(3 << 20))], [('name="x"', b"1")] * 1003])
def test_a_form_with_too_many_or_too_large_other_fields_is_rejected(signed_in, album, parts):
    response = send_parts(signed_in, album, *parts, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "fields-too-large")


def test_a_part_with_too_long_headers_is_rejected(signed_in, album):
    response = send_parts(signed_in, album, (PHOTO + "; " + "x" * 5000, making.jpeg()), headers=JSON)

    assert response.status_code in (400, 422)
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


def test_a_delimiter_split_across_two_reads_is_counted(monkeypatch):
    monkeypatch.setattr(form, "MAX_PARTS", 3)
    body = form._Whole(lambda: Line(multipart(*[(PHOTO, b"x")] * 5), 1), None, delimiter=b"--X")
    monkeypatch.setattr(form, "MAX_FILL_SECONDS", -1)

    with pytest.raises(form.TooManyParts):
        deque(iter(lambda: body.read(1), b""))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"junk"),
        ("multipart/form-data; boundary=X", b"junk"),
        ("multipart/form-data; boundary=" + "X" * 300, b"junk"),
        ("application/json", b"{}"),
        ("text/plain", b""),
        ("multipart/form-data; boundary=X", b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a"\r\n'),
        (
            "multipart/form-data; boundary=X",
            b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--X--\r\n",
        ),
    ],
)
def test_a_malformed_form_is_rejected_and_locks_nothing(signed_in, album, content_type, body):
    response = signed_in.post(f"/albums/{album.pk}/uploads/", body, content_type=content_type)

    assert response.status_code in (302, 400, 422)
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--", b"\r\n--Y--\r\n"])
def test_a_form_that_ends_within_a_file_is_cut_off_and_locks_nothing(signed_in, album, data_dir, end):
    body = b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n' + making.jpeg() + end

    response = signed_in.post(
        f"/albums/{album.pk}/uploads/", body, content_type="multipart/form-data; boundary=X", headers=JSON
    )

    assert (response.status_code, response.json()["error"], rejection_codes()) == (400, "cut-off", {"a.jpg": "cut-off"})
    assert list((data_dir / "incoming").iterdir()) == []


def send_chunked(client: Client, album: Album, body: bytes, **overrides: Any):
    """Sends a chunked body as a server does that knows where the body ends."""
    environ: dict[str, Any] = {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    content_type = {
        "content_type": "multipart/form-data; boundary=X",
        "CONTENT_TYPE": "multipart/form-data; boundary=X",
    }
    return client.generic("POST", f"/albums/{album.pk}/uploads/", headers=JSON, **content_type | environ | overrides)


def one_file(content: bytes) -> bytes:
    head = b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    return head + content + b"\r\n--X--\r\n"


def test_a_chunked_form_is_read_to_its_end(signed_in, album, data_dir):
    content = making.jpeg((900, 900))

    send_chunked(signed_in, album, one_file(content))

    assert (data_dir / ProcessingJob.objects.get().raw_path).read_bytes() == content


def test_a_chunked_form_that_ends_within_a_file_is_cut_off(signed_in, album):
    response = send_chunked(signed_in, album, one_file(making.jpeg())[:-20])

    assert (response.status_code, response.json()["error"], rejection_codes()) == (400, "cut-off", {"a.jpg": "cut-off"})


def test_a_form_whose_end_the_server_does_not_know_needs_a_length(signed_in, album):
    response = send_chunked(signed_in, album, one_file(making.jpeg()), **{"wsgi.input_terminated": False})

    assert (response.status_code, response.json()["error"]) == (411, "length-required")
    assert not Upload.objects.exists()


def test_a_chunked_form_without_photos_is_rejected(signed_in, album):
    response = send_chunked(signed_in, album, b"--X--\r\n")

    assert (response.status_code, response.json()["error"]) == (422, "no-files")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=X"])
def test_the_body_of_a_rejected_form_is_not_read(signed_in, album, content_type):
    """Under gunicorn: its main thread discards the rest of a body."""
    body = io.BytesIO(bytes(1_000_000))
    environ = {"content_type": content_type, "CONTENT_TYPE": content_type, "wsgi.input": body, "gunicorn.socket": None}
    if "multipart" in content_type:
        assert send(signed_in, album, *picked(making.jpeg())).status_code == 302  # the album is busy now

    response = send_chunked(signed_in, album, b"", **environ)

    assert response.status_code in (409, 422)
    assert body.tell() == 0


def test_bytes_that_arrive_slowly_are_returned_before_a_chunk_is_full(monkeypatch):
    monkeypatch.setattr(form, "MAX_FILL_SECONDS", -1)
    body = form._Whole(lambda: Line(b"x" * 100, 10), 100)

    assert body.read(1 << 20) == b"x" * 10
    assert b"".join(iter(lambda: body.read(1 << 20), b"")) == b"x" * 90
