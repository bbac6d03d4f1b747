"""The plain upload form, through HTTP: accepted and rejected files, and the responses that the sender gets."""

import io
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from albums.models import Album
from processing.capacity import admission
from processing.models import Batch, ProcessingJob, Upload
from processing.storage import locations
from processing.uploads import batches, lifecycle, rejections
from processing.views.form_endpoint import NO_FILES
from tests.journeys.uploads.form_client import HTMX, JSON, picked, rejection_codes, send
from tests.processing import making

pytestmark = pytest.mark.django_db


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
