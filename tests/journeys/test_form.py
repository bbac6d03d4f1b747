"""The plain upload form, through HTTP: accepted and rejected files, and the responses that the sender gets."""

import io
import uuid
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from albums.models import Album
from processing.capacity import admission
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.storage import locations
from processing.uploads import batches, form, lifecycle, rejections
from processing.views.form_endpoint import NO_FILES
from tests.processing import making
from tests.processing.lines import Line

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


def picked(*contents: bytes, name: str = "IMG_{}.JPG") -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name.format(n), content, "image/jpeg") for n, content in enumerate(contents, 1)]


def send(client: Client, album: Album, *files: SimpleUploadedFile, headers=None, form: str = ""):
    url = reverse("processing:receive", args=[album.pk]) + (f"?form={form}" if form else "")
    return client.post(url, {"photos": list(files)}, headers=headers or {})


def rejection_codes() -> dict[str, str]:
    return dict(Upload.objects.filter(state=UploadState.REJECTED).values_list("name", "code"))


def test_uploaded_photos_become_jobs_and_the_response_redirects_to_the_album(signed_in, album):
    response = send(signed_in, album, *picked(making.jpeg(), making.jpeg()))

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")
    assert list(ProcessingJob.objects.order_by("pk").values_list("original_filename", flat=True)) == [
        "IMG_1.JPG",
        "IMG_2.JPG",
    ]


def test_htmx_gets_the_busy_upload_panel(signed_in, album):
    response = send(signed_in, album, *picked(making.jpeg()), headers=HTMX)

    assert response.status_code == 200
    panel = response.context["panel"]
    assert (panel.progress.total, panel.progress.is_busy) == (1, True)
    assert b'id="upload-panel"' in response.content


def test_the_raw_file_is_stored_byte_for_byte(signed_in, album, data_dir):
    content = making.jpeg((2000, 1500)) + bytes(range(256)) * 4000

    send(signed_in, album, *picked(content))

    assert (data_dir / ProcessingJob.objects.get().raw_path).read_bytes() == content


def test_an_empty_selection_is_rejected_and_opens_no_batch(signed_in, album):
    response = send(signed_in, album, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (422, "no-files")
    assert Batch.objects.count() == 0


def test_a_rejected_form_is_shown_again_with_the_reason_and_without_the_scripts_tray(signed_in, album):
    response = send(signed_in, album)

    assert (response.status_code, response.templates[0].name) == (422, "upload/problem.html")
    page = response.content.decode()
    assert page.index('role="alert"') < page.index(NO_FILES) < page.index('id="upload-photos"')
    assert "<upload-desk" not in page
    assert f'href="{album.get_absolute_url()}"' in page


def test_bad_files_are_rejected_by_name_and_good_ones_are_accepted(signed_in, album, settings):
    settings.MAX_FILE_BYTES = 5000
    good = making.jpeg()
    files = [
        SimpleUploadedFile("good.jpg", good),
        SimpleUploadedFile("empty.jpg", b""),
        SimpleUploadedFile("huge.jpg", bytes(5001)),
        SimpleUploadedFile("copy.jpg", good),
        SimpleUploadedFile("last.jpg", making.jpeg()),
    ]

    assert send(signed_in, album, *files).status_code == 302

    assert rejection_codes() == {"empty.jpg": "empty-file", "huge.jpg": "too-large", "copy.jpg": "duplicate"}
    assert set(ProcessingJob.objects.values_list("original_filename", flat=True)) == {"good.jpg", "last.jpg"}


def test_files_beyond_the_limit_of_a_batch_are_rejected(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 2

    send(signed_in, album, *picked(*(making.jpeg() for _ in range(4))))

    assert (ProcessingJob.objects.count(), rejection_codes()) == (
        2,
        {"IMG_3.JPG": "too-many-files", "IMG_4.JPG": "too-many-files"},
    )


@pytest.mark.parametrize("name", ["..", ".", "../../etc/passwd", "a\x00b.jpg", "\\\\server\\share\\.."])
def test_a_file_with_a_hostile_name_is_accepted_under_a_harmless_one(signed_in, album, name):
    body = (
        b'--X\r\nContent-Disposition: form-data; name="photos"; filename="' + name.encode() + b'"\r\n\r\n'
        + making.jpeg() + b"\r\n--X--\r\n"
    )  # fmt: skip

    response = signed_in.post(f"/albums/{album.pk}/uploads/", body, content_type="multipart/form-data; boundary=X")

    assert response.status_code == 302
    job = ProcessingJob.objects.get()
    assert not set(job.original_filename) & set("/\\\0")
    assert job.raw_path == f"{locations.for_new()}incoming/{job.upload_id}"


@pytest.mark.parametrize(
    ("sent_name", "listed_name"),
    [
        ("say %22cheese%22.jpg", 'say "cheese".jpg'),
        (r"say \"cheese\".jpg", 'say "cheese".jpg'),
        ("a%0D%0Ab.jpg", "ab.jpg"),
        ("100% real%20.jpg", "100% real%20.jpg"),
        ("100%25 %2522.jpg", "100%25 %2522.jpg"),
        ("a;b=c, d.jpg", "a;b=c, d.jpg"),
        ("\U0001fae9 \u0645\u06cc\u200c\u062e\u0648.jpg", "\U0001fae9 \u0645\u06cc\u200c\u062e\u0648.jpg"),
    ],
)
def test_a_file_is_listed_under_the_name_that_the_browser_escaped(signed_in, album, sent_name, listed_name):
    head = f'--X\r\nContent-Disposition: form-data; name="photos"; filename="{sent_name}"\r\n\r\n'.encode()
    body = head + making.jpeg() + b"\r\n--X--\r\n"

    signed_in.post(f"/albums/{album.pk}/uploads/", body, content_type="multipart/form-data; boundary=X")

    assert Upload.objects.get().name == listed_name


def test_a_full_disk_is_reported_before_anything_is_read(signed_in, album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    response = send(signed_in, album, *picked(making.jpeg()), headers=JSON)

    assert (response.status_code, response.json()["error"]) == (507, "disk-full")
    assert Upload.objects.count() == 0


def test_a_truncated_body_keeps_complete_files_and_rejects_the_truncated_one(signed_in, album, data_dir, stored):
    complete, truncated = making.jpeg(), making.jpeg((900, 900))
    body = b""
    for name, content in (("whole.jpg", complete), ("cut.jpg", truncated)):
        body += (
            f'--X\r\nContent-Disposition: form-data; name="photos"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
        )
    body += b"--X--\r\n"

    response = signed_in.generic(
        "POST",
        f"/albums/{album.pk}/uploads/",
        content_type="multipart/form-data; boundary=X",
        headers={"Origin": "http://testserver", **JSON},
        **{
            "CONTENT_TYPE": "multipart/form-data; boundary=X",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body[:-400]),
        },
    )

    assert (response.status_code, response.json()["error"]) == (400, "cut-off")
    assert rejection_codes() == {"cut.jpg": "cut-off"}
    job = ProcessingJob.objects.get()
    assert (job.original_filename, (data_dir / job.raw_path).read_bytes()) == ("whole.jpg", complete)
    assert [path.name for path in (stored / "incoming").iterdir()] == [str(job.upload_id)]


def test_a_form_without_a_csrf_token_leaves_nothing_behind(owner, album, data_dir):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()))

    assert response.status_code == 403
    assert (ProcessingJob.objects.count(), list((data_dir / "incoming").iterdir())) == (0, [])
    assert not Batch.objects.active().exists()


def test_a_form_from_another_origin_is_rejected_before_a_byte_is_stored(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()), headers={"Origin": "https://evil.example"})

    assert (response.status_code, Upload.objects.count()) == (403, 0)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A form of these parts: the parameters after `form-data;`, and the content."""
    return (
        b"".join(
            f"--X\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
            for head, content in parts
        )
        + b"--X--\r\n"
    )


def send_parts(client: Client, album: Album, *parts: tuple[str, bytes], **request_options: Any):
    return client.post(
        f"/albums/{album.pk}/uploads/",
        multipart(*parts),
        content_type="multipart/form-data; boundary=X",
        **request_options,
    )


TOKEN = "a" * 32
PHOTO = 'name="photos"; filename="a.jpg"'


@pytest.fixture
def browser(owner) -> Client:
    """A client that needs a CSRF token; its cookie is set."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.cookies["csrftoken"] = TOKEN
    return client


def test_a_csrf_token_before_the_files_is_accepted(browser, album):
    response = send_parts(browser, album, ('name="csrfmiddlewaretoken"', TOKEN.encode()), (PHOTO, making.jpeg()))

    assert (response.status_code, ProcessingJob.objects.count()) == (302, 1)


def test_a_csrf_token_after_the_files_is_rejected(browser, album):
    parts = ((PHOTO, making.jpeg()), ('name="csrfmiddlewaretoken"', TOKEN.encode()))

    response = send_parts(browser, album, *parts, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (403, "csrf")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "b" * 32}])
def test_a_form_without_a_valid_csrf_token_starts_no_upload(browser, album, headers, monkeypatch):
    opened_batches = []
    monkeypatch.setattr(batches, "open_with_upload", lambda *arguments: opened_batches.append(arguments))

    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers=JSON | headers)

    assert (response.status_code, response.json()["error"], opened_batches) == (403, "csrf", [])


def test_a_browser_without_a_valid_csrf_token_gets_an_html_page(browser, album):
    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers={"Accept": "text/html"})

    assert response.status_code == 403
    assert "<h1>" in response.content.decode()


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


def test_a_busy_album_returns_409_with_the_running_batch(signed_in, album):
    send(signed_in, album, *picked(making.jpeg()))
    running = Batch.objects.get()

    response = send(signed_in, album, *picked(making.jpeg()), headers=JSON)

    batch = response.json()["batch"]
    assert (response.status_code, batch["id"], batch["mine"]) == (409, running.pk, True)
    assert (batch["total"], batch["uploaded"], batch["processed"], batch["seconds_left"]) == (1, 1, 0, None)
    assert response["Retry-After"] == "5"
    assert ProcessingJob.objects.count() == 1


def test_a_busy_albums_page_shows_the_running_batch(signed_in, album):
    send(signed_in, album, *picked(making.jpeg()))

    response = send(signed_in, album, *picked(making.jpeg()))

    assert (response.status_code, response.context["panel"].progress.total) == (409, 1)
    assert response["Retry-After"] == "5"


def test_a_busy_album_does_not_lock_other_albums(signed_in, album, owner):
    send(signed_in, album, *picked(making.jpeg()))

    assert send(signed_in, Album.objects.create(title="Winter", owner=owner), *picked(making.jpeg())).status_code == 302


def test_an_album_deleted_during_the_request_is_not_found(signed_in, album, monkeypatch):
    monkeypatch.setattr(admission, "for_new_file", lambda *_: Album.objects.filter(pk=album.pk).delete() and None)

    assert send(signed_in, album, *picked(making.jpeg(), making.jpeg())).status_code == 404
    assert not Upload.objects.exists()


def test_a_form_that_is_sent_twice_creates_one_batch(signed_in, album):
    token = str(uuid.uuid4())
    send(signed_in, album, *picked(making.jpeg()), form=token)

    assert send(signed_in, album, *picked(making.jpeg()), form=token).status_code == 302
    assert (Batch.objects.count(), ProcessingJob.objects.count()) == (1, 1)


def reject_as_cut_off(upload: Upload) -> None:
    lifecycle.reject(upload, rejections.CUT_OFF)


def reject_as_expired(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now())
    lifecycle.expire(upload)


@pytest.mark.parametrize("interrupt", [reject_as_cut_off, reject_as_expired])
def test_an_interrupted_form_is_accepted_when_it_is_sent_again(signed_in, album, owner, interrupt):
    token = uuid.uuid4()
    interrupt(batches.open_with_upload(album, owner, Batch.Source.FORM, "IMG_1.JPG", token))

    assert send(signed_in, album, *picked(making.jpeg(), making.jpeg()), form=str(token)).status_code == 302
    assert ProcessingJob.objects.count() == 2


def test_a_form_sent_again_while_it_is_being_received_gets_409(signed_in, album, owner):
    token = uuid.uuid4()
    batches.open_with_upload(album, owner, Batch.Source.FORM, "IMG_1.JPG", token)

    assert send(signed_in, album, *picked(making.jpeg()), form=str(token), headers=JSON).status_code == 409


def test_files_in_a_field_other_than_photos_are_not_uploads(signed_in, album):
    url = reverse("processing:receive", args=[album.pk])

    response = signed_in.post(url, {"elsewhere": picked(making.jpeg())}, headers=JSON)

    assert (response.status_code, Upload.objects.count()) == (422, 0)


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
