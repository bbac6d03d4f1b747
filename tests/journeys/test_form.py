"""The plain upload form, through HTTP: what is taken, what is refused, and what the sender is told."""

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
from processing.uploads import batches, form, rejections
from processing.uploads import lifecycle as uploads
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


def refused() -> dict[str, str]:
    return dict(Upload.objects.filter(state=UploadState.REFUSED).values_list("name", "code"))


def test_photos_become_jobs_and_the_page_is_shown_again(signed_in, album):
    response = send(signed_in, album, *picked(making.jpeg(), making.jpeg()))

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")
    assert list(ProcessingJob.objects.order_by("pk").values_list("original_filename", flat=True)) == [
        "IMG_1.JPG",
        "IMG_2.JPG",
    ]


def test_for_htmx_the_answer_is_the_panel_in_work(signed_in, album):
    response = send(signed_in, album, *picked(making.jpeg()), headers=HTMX)

    assert response.status_code == 200
    panel = response.context["panel"]
    assert (panel.progress.total, panel.progress.is_busy) == (1, True)
    assert b'id="upload-panel"' in response.content


def test_every_byte_arrives(signed_in, album, data_dir):
    content = making.jpeg((2000, 1500)) + bytes(range(256)) * 4000

    send(signed_in, album, *picked(content))

    assert (data_dir / ProcessingJob.objects.get().raw_path).read_bytes() == content


def test_an_empty_selection_is_told_and_opens_no_batch(signed_in, album):
    response = send(signed_in, album, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (422, "no-files")
    assert Batch.objects.count() == 0


def test_each_bad_file_is_refused_by_name_and_the_good_ones_go_on(signed_in, album, settings):
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

    assert refused() == {"empty.jpg": "empty-file", "huge.jpg": "too-large", "copy.jpg": "duplicate"}
    assert set(ProcessingJob.objects.values_list("original_filename", flat=True)) == {"good.jpg", "last.jpg"}


def test_files_beyond_the_limit_of_a_batch_are_refused(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 2

    send(signed_in, album, *picked(*(making.jpeg() for _ in range(4))))

    assert (ProcessingJob.objects.count(), refused()) == (
        2,
        {"IMG_3.JPG": "too-many-files", "IMG_4.JPG": "too-many-files"},
    )


@pytest.mark.parametrize("name", ["..", ".", "../../etc/passwd", "a\x00b.jpg", "\\\\server\\share\\.."])
def test_a_file_with_a_hostile_name_is_taken_under_a_harmless_one(signed_in, album, name):
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
    ("sent", "shown"),
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
def test_a_file_is_listed_under_the_name_that_the_browser_escaped(signed_in, album, sent, shown):
    head = f'--X\r\nContent-Disposition: form-data; name="photos"; filename="{sent}"\r\n\r\n'.encode()
    body = head + making.jpeg() + b"\r\n--X--\r\n"

    signed_in.post(f"/albums/{album.pk}/uploads/", body, content_type="multipart/form-data; boundary=X")

    assert Upload.objects.get().name == shown


def test_a_full_disk_is_told_before_anything_is_read(signed_in, album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    response = send(signed_in, album, *picked(making.jpeg()), headers=JSON)

    assert (response.status_code, response.json()["error"]) == (507, "disk-full")
    assert Upload.objects.count() == 0


def test_a_body_cut_short_keeps_whole_files_and_names_the_one_that_was_cut(signed_in, album, data_dir, stored):
    whole, cut = making.jpeg(), making.jpeg((900, 900))
    body = b""
    for name, content in (("whole.jpg", whole), ("cut.jpg", cut)):
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
    assert refused() == {"cut.jpg": "cut-off"}
    job = ProcessingJob.objects.get()
    assert (job.original_filename, (data_dir / job.raw_path).read_bytes()) == ("whole.jpg", whole)
    assert [path.name for path in (stored / "incoming").iterdir()] == [str(job.upload_id)]


def test_a_forged_form_leaves_nothing_behind(owner, album, data_dir):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()))

    assert response.status_code == 403
    assert (ProcessingJob.objects.count(), list((data_dir / "incoming").iterdir())) == (0, [])
    assert not Batch.objects.active().exists()


def test_a_form_from_another_site_is_refused_before_a_byte_is_stored(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = send(client, album, *picked(making.jpeg()), headers={"Origin": "https://evil.example"})

    assert (response.status_code, Upload.objects.count()) == (403, 0)


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A form of these parts: what stands behind `form-data`, and the content."""
    return (
        b"".join(
            f"--X\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
            for head, content in parts
        )
        + b"--X--\r\n"
    )


def send_parts(client: Client, album: Album, *parts: tuple[str, bytes], **more: Any):
    return client.post(
        f"/albums/{album.pk}/uploads/", multipart(*parts), content_type="multipart/form-data; boundary=X", **more
    )


TOKEN = "a" * 32
PHOTO = 'name="photos"; filename="a.jpg"'


@pytest.fixture
def browser(owner) -> Client:
    """Whose forms are checked, as those of real ones are."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    client.cookies["csrftoken"] = TOKEN
    return client


def test_the_forms_own_token_is_looked_at_before_the_first_file(browser, album):
    response = send_parts(browser, album, ('name="csrfmiddlewaretoken"', TOKEN.encode()), (PHOTO, making.jpeg()))

    assert (response.status_code, ProcessingJob.objects.count()) == (302, 1)


def test_a_token_behind_the_files_comes_too_late(browser, album):
    parts = ((PHOTO, making.jpeg()), ('name="csrfmiddlewaretoken"', TOKEN.encode()))

    response = send_parts(browser, album, *parts, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (403, "csrf")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "b" * 32}])
def test_of_a_forged_form_no_file_is_begun(browser, album, headers, monkeypatch):
    begun = []
    monkeypatch.setattr(batches, "open_with_upload", lambda *told: begun.append(told))

    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers=JSON | headers)

    assert (response.status_code, response.json()["error"], begun) == (403, "csrf", [])


def test_a_browser_is_shown_the_page_about_expired_forms(browser, album):
    response = send_parts(browser, album, (PHOTO, making.jpeg()), headers={"Accept": "text/html"})

    assert response.status_code == 403
    assert "<h1>" in response.content.decode()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Watched(io.BytesIO):
    """A body that looks how many files this process has open whenever more of it is read."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        self.most = max(self.most, open_files())
        return super().read(size)


def test_a_form_of_a_thousand_files_keeps_few_of_them_open(signed_in, album, settings):
    content = making.jpeg((16, 16))
    settings.MAX_BATCH_FILES = 60
    files = [(f'name="photos"; filename="{n}.jpg"', content + bytes([n // 256, n % 256])) for n in range(1003)]
    body = Watched(multipart(*files))
    before = open_files()

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
    assert (ProcessingJob.objects.count(), set(refused().values()), len(refused())) == (60, {"too-many-files"}, 943)
    assert body.most <= before + 10


@pytest.mark.parametrize(
    "further",
    [
        'name="photos"; filename="b.jpg"',
        'name="elsewhere"; filename="b.jpg"',
        'name="note"',
    ],
)
def test_a_form_of_too_many_parts_is_ended_and_what_came_before_is_kept(signed_in, album, monkeypatch, further):
    monkeypatch.setattr(form, "MAX_PARTS", 5)
    monkeypatch.setattr(form.FormUploadHandler, "chunk_size", 4096)  # so that it is not read at once

    response = send_parts(signed_in, album, (PHOTO, making.jpeg()), *[(further, bytes(5000))] * 50, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "too-many-parts")
    assert "a.jpg" in ProcessingJob.objects.values_list("original_filename", flat=True)
    assert Upload.objects.count() <= 6
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("further", ['filename="b.jpg"', ""])
def test_parts_without_a_name_count_too(signed_in, album, monkeypatch, further):
    monkeypatch.setattr(form, "MAX_PARTS", 5)

    response = send_parts(signed_in, album, (PHOTO, making.jpeg()), *[(further, bytes(5000))] * 50, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "too-many-parts")


@pytest.mark.parametrize("parts", [[('name="note"', bytes(3 << 20))], [('name="x"', b"1")] * 1003])
def test_a_form_of_much_else_is_refused_with_words(signed_in, album, parts):
    response = send_parts(signed_in, album, *parts, headers=JSON)

    assert (response.status_code, response.json()["error"]) == (413, "fields-too-large")


def test_a_part_whose_head_does_not_end_is_refused(signed_in, album):
    response = send_parts(signed_in, album, (PHOTO + "; " + "x" * 5000, making.jpeg()), headers=JSON)

    assert response.status_code in (400, 422)
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


def test_a_delimiter_that_is_cut_in_two_counts(monkeypatch):
    monkeypatch.setattr(form, "MAX_PARTS", 3)
    body = form._Whole(lambda: Line(multipart(*[(PHOTO, b"x")] * 5), 1), None, delimiter=b"--X")
    monkeypatch.setattr(form, "MAX_FILL_SECONDS", -1)

    with pytest.raises(form.TooManyParts):
        deque(iter(lambda: body.read(1), b""))


def test_a_busy_album_answers_with_the_running_batch(signed_in, album):
    send(signed_in, album, *picked(making.jpeg()))
    running = Batch.objects.get()

    response = send(signed_in, album, *picked(making.jpeg()), headers=JSON)

    assert (response.status_code, response.json()["batch"]["id"]) == (409, running.pk)
    assert ProcessingJob.objects.count() == 1


def test_a_busy_albums_page_shows_the_running_batch(signed_in, album):
    send(signed_in, album, *picked(making.jpeg()))

    response = send(signed_in, album, *picked(making.jpeg()))

    assert (response.status_code, response.context["panel"].progress.total) == (409, 1)


def test_other_albums_stay_open(signed_in, album, owner):
    send(signed_in, album, *picked(making.jpeg()))

    assert send(signed_in, Album.objects.create(title="Winter", owner=owner), *picked(making.jpeg())).status_code == 302


def test_an_album_that_is_deleted_just_now_is_not_there(signed_in, album, monkeypatch):
    monkeypatch.setattr(admission, "for_new_file", lambda *_: Album.objects.filter(pk=album.pk).delete() and None)

    assert send(signed_in, album, *picked(making.jpeg(), making.jpeg())).status_code == 404
    assert not Upload.objects.exists()


def test_a_form_sent_twice_is_one_batch(signed_in, album):
    token = str(uuid.uuid4())
    send(signed_in, album, *picked(making.jpeg()), form=token)

    assert send(signed_in, album, *picked(making.jpeg()), form=token).status_code == 302
    assert (Batch.objects.count(), ProcessingJob.objects.count()) == (1, 1)


def cut_off(upload: Upload) -> None:
    uploads.refuse(upload, rejections.CUT_OFF)


def expired(upload: Upload) -> None:
    Upload.objects.update(expires_at=timezone.now())
    uploads.expire(upload)


@pytest.mark.parametrize("broken_off", [cut_off, expired])
def test_a_form_that_broke_off_is_taken_when_it_is_sent_again(signed_in, album, owner, broken_off):
    token = uuid.uuid4()
    broken_off(batches.open_with_upload(album, owner, Batch.Source.FORM, "IMG_1.JPG", token))

    assert send(signed_in, album, *picked(making.jpeg(), making.jpeg()), form=str(token)).status_code == 302
    assert ProcessingJob.objects.count() == 2


def test_a_form_that_is_still_on_its_way_is_not_answered_as_if_it_had_arrived(signed_in, album, owner):
    token = uuid.uuid4()
    batches.open_with_upload(album, owner, Batch.Source.FORM, "IMG_1.JPG", token)

    assert send(signed_in, album, *picked(making.jpeg()), form=str(token), headers=JSON).status_code == 409


def test_a_field_that_is_not_photos_is_no_upload(signed_in, album):
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
def test_nonsense_is_a_clear_refusal_and_locks_nothing(signed_in, album, content_type, body):
    response = signed_in.post(f"/albums/{album.pk}/uploads/", body, content_type=content_type)

    assert response.status_code in (302, 400, 422)
    assert not Upload.objects.filter(state=UploadState.RECEIVING).exists()


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--", b"\r\n--Y--\r\n"])
def test_a_form_that_ends_within_a_file_was_cut_off_and_locks_nothing(signed_in, album, data_dir, end):
    body = b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n' + making.jpeg() + end

    response = signed_in.post(
        f"/albums/{album.pk}/uploads/", body, content_type="multipart/form-data; boundary=X", headers=JSON
    )

    assert (response.status_code, response.json()["error"], refused()) == (400, "cut-off", {"a.jpg": "cut-off"})
    assert list((data_dir / "incoming").iterdir()) == []


def send_chunked(client: Client, album: Album, body: bytes, **told: Any):
    """As a server says it that knows where a chunked body ends."""
    environ: dict[str, Any] = {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    kind = {"content_type": "multipart/form-data; boundary=X", "CONTENT_TYPE": "multipart/form-data; boundary=X"}
    return client.generic("POST", f"/albums/{album.pk}/uploads/", headers=JSON, **kind | environ | told)


def one_file(content: bytes) -> bytes:
    head = b'--X\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    return head + content + b"\r\n--X--\r\n"


def test_a_form_that_does_not_tell_its_length_is_taken_to_its_end(signed_in, album, data_dir):
    content = making.jpeg((900, 900))

    send_chunked(signed_in, album, one_file(content))

    assert (data_dir / ProcessingJob.objects.get().raw_path).read_bytes() == content


def test_a_form_without_a_length_that_ends_within_a_file_was_cut_off(signed_in, album):
    response = send_chunked(signed_in, album, one_file(making.jpeg())[:-20])

    assert (response.status_code, response.json()["error"], refused()) == (400, "cut-off", {"a.jpg": "cut-off"})


def test_a_form_whose_end_the_server_does_not_know_is_told_to_say_its_length(signed_in, album):
    response = send_chunked(signed_in, album, one_file(making.jpeg()), **{"wsgi.input_terminated": False})

    assert (response.status_code, response.json()["error"]) == (411, "length-required")
    assert not Upload.objects.exists()


def test_a_form_without_a_length_or_photos_is_told_that_there_were_none(signed_in, album):
    response = send_chunked(signed_in, album, b"--X--\r\n")

    assert (response.status_code, response.json()["error"]) == (422, "no-files")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=X"])
def test_of_a_body_that_is_refused_nothing_is_read(signed_in, album, content_type):
    """Under gunicorn, whose main thread throws it away."""
    line = io.BytesIO(bytes(1_000_000))
    told = {"content_type": content_type, "CONTENT_TYPE": content_type, "wsgi.input": line, "gunicorn.socket": None}
    if "multipart" in content_type:
        assert send(signed_in, album, *picked(making.jpeg())).status_code == 302  # it is busy

    response = send_chunked(signed_in, album, b"", **told)

    assert response.status_code in (409, 422)
    assert line.tell() == 0


def test_what_comes_slowly_is_told_before_it_fills_a_piece(monkeypatch):
    monkeypatch.setattr(form, "MAX_FILL_SECONDS", -1)
    body = form._Whole(lambda: Line(b"x" * 100, 10), 100)

    assert body.read(1 << 20) == b"x" * 10
    assert b"".join(iter(lambda: body.read(1 << 20), b"")) == b"x" * 90
