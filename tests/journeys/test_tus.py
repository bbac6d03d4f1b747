"""tus 1.0.0 through HTTP: exact status codes, offsets and headers."""

import base64
import errno
import hashlib
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import JobState, UploadState
from processing.storage import store
from processing.uploads import batches, lifecycle
from tests.processing import making

pytestmark = pytest.mark.django_db

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def create(client, album, length: int | None = 10, name: str = "IMG_1.JPG", **extra_headers: str):
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = VERSION | size | {"Upload-Metadata": f"filename {b64(name.encode())}"} | extra_headers
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers=headers)


def path_of(response) -> str:
    return response["Location"].removeprefix("http://testserver")


def patch(client, path: str, offset: int, body: bytes, content_type: str = OCTETS, **extra_headers: str):
    headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": content_type} | extra_headers
    return client.generic("PATCH", path, body, content_type=content_type, headers=headers)


def head(client, path: str):
    return client.head(path, headers=VERSION)


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {b64(hashlib.new(algorithm, content, usedforsecurity=False).digest())}"


def test_options_returns_the_supported_extensions_and_limits(signed_in, album, settings):
    response = signed_in.options(f"/albums/{album.pk}/uploads/tus/")

    assert response.status_code == 204
    assert response["Tus-Version"] == response["Tus-Resumable"] == "1.0.0"
    assert (
        response["Tus-Extension"]
        == "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
    )
    assert response["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    assert response["Tus-Max-Size"] == str(settings.MAX_FILE_BYTES)


def test_a_file_in_two_parts_becomes_a_job(signed_in, album, data_dir, stored):
    content = making.jpeg()
    path = path_of(create(signed_in, album, len(content)))
    assert head(signed_in, path)["Upload-Offset"] == "0"

    first = patch(signed_in, path, 0, content[:100])
    second = patch(signed_in, path, 100, content[100:])

    assert [(response.status_code, response["Upload-Offset"]) for response in (first, second)] == [
        (204, "100"),
        (204, str(len(content))),
    ]
    job = ProcessingJob.objects.get()
    assert (job.original_filename, job.batch.source) == ("IMG_1.JPG", Batch.Source.TUS)
    assert (data_dir / job.raw_path).read_bytes() == content
    assert job.upload.sha256 == hashlib.sha256(content).hexdigest()
    assert [p.name for p in (stored / "incoming").iterdir()] == [str(job.upload_id)]


def test_creation_returns_an_absolute_address_and_an_expiry(signed_in, album):
    response = create(signed_in, album)

    assert (response.status_code, response["Upload-Offset"]) == (201, "0")
    assert response["Location"] == f"http://testserver/uploads/{Upload.objects.get().pk}/"
    assert response["Upload-Expires"].endswith("GMT")


def test_head_returns_offset_and_length_and_is_not_cached(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = head(signed_in, path)

    assert (response.status_code, response["Upload-Offset"], response["Upload-Length"]) == (200, "4", "10")
    assert response["Cache-Control"] == "no-store"


def test_creation_accepts_the_first_bytes(signed_in, album):
    headers = VERSION | {"Upload-Length": "10"}

    response = signed_in.generic(
        "POST", f"/albums/{album.pk}/uploads/tus/", b"1234", content_type=OCTETS, headers=headers
    )

    assert (response.status_code, response["Upload-Offset"]) == (201, "4")


def test_a_deferred_length_can_be_sent_later(signed_in, album):
    path = path_of(create(signed_in, album, None))
    assert head(signed_in, path)["Upload-Defer-Length"] == "1"
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, 4, b"567890", **{"Upload-Length": "10"})

    assert response["Upload-Offset"] == "10"
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize(("late_length", "status"), [("3", 400), ("99999999", 413)])
def test_an_impossible_deferred_length_is_rejected(signed_in, album, settings, late_length, status):
    settings.MAX_FILE_BYTES = 100
    path = path_of(create(signed_in, album, None))
    patch(signed_in, path, 0, b"1234")

    assert patch(signed_in, path, 4, b"5", **{"Upload-Length": late_length}).status_code == status


@pytest.mark.parametrize("offset", [0, 3, 5, 10, 10**12])
def test_a_wrong_offset_gets_409_with_the_right_one(signed_in, album, offset):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    response = patch(signed_in, path, offset, b"x")

    assert (response.status_code, response["Upload-Offset"]) == (409, "4")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_chunk_with_a_matching_checksum_is_accepted(signed_in, album, algorithm):
    path = path_of(create(signed_in, album))

    response = patch(signed_in, path, 0, b"12345", **{"Upload-Checksum": checksum(algorithm, b"12345")})

    assert (response.status_code, response["Upload-Offset"]) == (204, "5")


def test_a_chunk_with_a_wrong_checksum_is_rejected_and_not_counted(signed_in, album):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"12")

    response = patch(signed_in, path, 2, b"345", **{"Upload-Checksum": checksum("sha1", b"other")})

    assert response.status_code == 460
    assert head(signed_in, path)["Upload-Offset"] == "2"


def test_a_too_large_upload_is_rejected_at_creation(signed_in, album, settings):
    settings.MAX_FILE_BYTES = 100

    assert create(signed_in, album, 101).status_code == 413
    assert Upload.objects.count() == 0


def test_more_bytes_than_the_length_are_rejected(signed_in, album):
    path = path_of(create(signed_in, album, 10))

    assert patch(signed_in, path, 0, b"12345678901").status_code == 413
    assert head(signed_in, path)["Upload-Offset"] == "0"


def test_an_upload_can_be_terminated(signed_in, album, data_dir, django_capture_on_commit_callbacks):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")

    with django_capture_on_commit_callbacks(execute=True):
        response = signed_in.delete(path, headers=VERSION)

    assert response.status_code == 204
    assert list((data_dir / "incoming").iterdir()) == []
    assert {head(signed_in, path).status_code, patch(signed_in, path, 4, b"5").status_code} == {410}
    assert not Batch.objects.active().exists()


def test_an_expired_upload_is_gone(signed_in, album):
    path = path_of(create(signed_in, album))
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    lifecycle.expire(Upload.objects.get())

    assert head(signed_in, path).status_code == 410


def test_received_bytes_postpone_the_expiry(signed_in, album):
    path = path_of(create(signed_in, album))
    before = timezone.now()
    Upload.objects.update(expires_at=before + timedelta(minutes=5))

    patch(signed_in, path, 0, b"1")

    assert Upload.objects.get().expires_at > before + timedelta(minutes=29)


def test_a_finished_upload_returns_its_offset_and_accepts_no_more_bytes(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert patch(signed_in, path, 3, b"").status_code == 204
    assert patch(signed_in, path, 3, b"4").status_code == 403
    assert signed_in.delete(path, headers=VERSION).status_code == 403
    assert ProcessingJob.objects.get().state == JobState.PENDING


def test_head_hands_over_a_complete_upload_without_a_job(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert ProcessingJob.objects.count() == 1


def test_a_patch_with_a_wrong_offset_hands_over_a_complete_upload_without_a_job(signed_in, album):
    path = path_of(create(signed_in, album, 3))
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")

    response = patch(signed_in, path, 0, b"123")

    assert (response.status_code, response["Upload-Offset"]) == (409, "3")
    assert ProcessingJob.objects.count() == 1


@pytest.mark.parametrize("committed", [False, True])
def test_the_sweep_hands_over_a_complete_upload_without_a_job(signed_in, album, committed):
    from processing.maintenance import sweep

    create(signed_in, album, 3)
    partial_file = store().grow(Upload.objects.get().key)
    partial_file.fence()
    partial_file.append(b"123")
    if committed:
        Upload.objects.update(arrived=3)  # as it is stored before the bytes are sent on to a bucket
        partial_file.commit()
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert sweep.sweep().handed_over == 1
    assert ProcessingJob.objects.count() == 1


def test_the_sweep_leaves_an_upload_in_progress_alone(signed_in, album):
    from processing.maintenance import sweep as maintenance_sweep

    path = path_of(create(signed_in, album, 3))
    patch(signed_in, path, 0, b"12")
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=29))

    assert maintenance_sweep.sweep().handed_over == 0
    assert patch(signed_in, path, 2, b"3").status_code in (204, 409)


def test_uploads_join_the_open_batch_of_their_sender(signed_in, album):
    create(signed_in, album, name="1.jpg")
    create(signed_in, album, name="2.jpg")

    assert (Batch.objects.count(), Upload.objects.count()) == (1, 2)


def test_an_album_with_an_active_batch_of_another_user_accepts_no_uploads(signed_in, album, admin):
    batches.open_with_upload(album, admin, Batch.Source.FORM, "theirs.jpg")

    response = create(signed_in, album)

    assert (response.status_code, response.json()["error"]) == (409, "album-busy")
    assert response.has_header("Retry-After")


@pytest.mark.parametrize("source", [Batch.Source.FORM, Batch.Source.PAGE])
def test_an_upload_joins_a_running_batch_of_another_source(signed_in, album, owner, source):
    running = batches.open_with_upload(album, owner, source, "mine.jpg").batch

    assert create(signed_in, album).status_code == 201
    assert Upload.objects.get(name="IMG_1.JPG").batch == running


def test_an_upload_beyond_the_file_limit_of_a_batch_is_rejected(signed_in, album, settings):
    settings.MAX_BATCH_FILES = 1
    create(signed_in, album, name="1.jpg")

    assert create(signed_in, album, name="2.jpg").status_code == 413
    assert Upload.objects.get(name="2.jpg").code == "too-many-files"


def test_an_empty_file_is_finished_and_rejected_with_its_reason(signed_in, album):
    response = create(signed_in, album, 0)

    assert (response.status_code, response["Upload-Offset"]) == (201, "0")
    assert (Upload.objects.get().state, Upload.objects.get().code) == (UploadState.REJECTED, "empty-file")


def test_the_same_bytes_again_are_finished_and_marked_as_duplicate(signed_in, album):
    for name in ("1.jpg", "2.jpg"):
        path = path_of(create(signed_in, album, 3, name=name))
        patch(signed_in, path, 0, b"123")

    assert head(signed_in, path)["Upload-Offset"] == "3"
    assert (ProcessingJob.objects.count(), Upload.objects.get(name="2.jpg").code) == (1, "duplicate")


def test_a_method_can_be_overridden_by_a_header(signed_in, album):
    path = path_of(create(signed_in, album))
    headers = VERSION | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

    assert signed_in.generic("POST", path, b"12", content_type=OCTETS, headers=headers).status_code == 204


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_other_methods_get_405(signed_in, album, method):
    path = path_of(create(signed_in, album))

    assert signed_in.generic(method, path, headers=VERSION).status_code == 405


def test_invalid_requests_get_a_4xx_with_a_message(signed_in, album):
    path = path_of(create(signed_in, album))
    responses = [
        create(signed_in, album, **{"Upload-Length": "junk"}),
        create(signed_in, album, **{"Upload-Metadata": "junk ***"}),
        patch(signed_in, path, 0, b"x", content_type="text/plain"),
        patch(signed_in, path, 0, b"x", **{"Tus-Resumable": "9.9.9"}),
        patch(signed_in, path, 0, b"x", **{"Upload-Offset": "-1"}),
        patch(signed_in, path, 0, b"x", **{"Upload-Checksum": "junk"}),
        signed_in.generic("POST", f"/albums/{album.pk}/uploads/tus/", b"x", content_type="text/plain", headers=VERSION),
    ]

    assert [response.status_code for response in responses] == [400, 400, 415, 412, 400, 400, 415]
    assert {response["Tus-Resumable"] for response in responses} == {"1.0.0"}
    assert all(response.json()["message"] for response in responses)
    assert Upload.objects.count() == 1


def test_an_anonymous_client_gets_401_and_no_redirect(album):
    response = create(Client(), album)

    assert (response.status_code, response["Tus-Resumable"]) == (401, "1.0.0")


def test_a_request_without_a_csrf_token_is_rejected(owner, album):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = create(client, album)

    assert (response.status_code, response.json()["error"], response["Tus-Resumable"]) == (403, "csrf", "1.0.0")


def test_an_upload_of_another_user_does_not_exist(signed_in, album, admin):
    path = path_of(create(signed_in, album))
    admin_client = Client()
    admin_client.force_login(admin)

    responses = [
        head(admin_client, path),
        patch(admin_client, path, 0, b"x"),
        admin_client.delete(path, headers=VERSION),
    ]

    assert {(response.status_code, response["Tus-Resumable"]) for response in responses} == {(404, "1.0.0")}


def test_an_album_of_another_user_accepts_no_uploads(album, stranger):
    client = Client()
    client.force_login(stranger)

    assert create(client, album).status_code == 404


def test_an_upload_without_disk_space_locks_nothing(signed_in, album, settings):
    settings.MIN_FREE_BYTES = 1 << 60

    response = create(signed_in, album, 10)

    assert (response.status_code, response.json()["error"], response["Retry-After"]) == (507, "disk-full", "30")
    assert Upload.objects.count() == 0


def test_under_memory_pressure_a_chunk_gets_503_with_retry_after(signed_in, album, settings):
    path = path_of(create(signed_in, album, 10))
    settings.MEMORY_MARK = 0

    response = patch(signed_in, path, 0, b"01234")

    assert (response.status_code, response.json()["error"], response["Retry-After"]) == (503, "memory-pressure", "30")
    assert (response["Upload-Offset"], response["Tus-Resumable"]) == ("0", "1.0.0")


def test_a_disk_that_fills_up_within_a_chunk_is_reported(signed_in, album, monkeypatch):
    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = path_of(create(signed_in, album, 10))
    with monkeypatch.context() as patched:
        patched.setattr("processing.storage.local.partial_file.LocalPartialFile.append", no_room)
        response = patch(signed_in, path, 0, b"01234")

    assert (response.status_code, response.json()["error"], response["Tus-Resumable"]) == (507, "disk-full", "1.0.0")
    assert head(signed_in, path)["Upload-Offset"] == "0"


def test_a_full_disk_is_reported_and_loses_no_received_bytes(signed_in, album, settings):
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"12")
    settings.MIN_FREE_BYTES = 1 << 60

    response = patch(signed_in, path, 2, b"3")

    assert (response.status_code, response["Upload-Offset"]) == (507, "2")


def test_the_panel_counts_uploads_in_progress(signed_in, album):
    create(signed_in, album)

    panel = signed_in.get(f"/albums/{album.pk}/uploads/status/").context["panel"]

    assert (panel.progress.receiving, panel.progress.is_busy) == (1, True)


def test_processing_starts_while_other_uploads_are_in_progress(signed_in, album):
    path = path_of(create(signed_in, album, 3, name="1.jpg"))
    create(signed_in, album, 3, name="2.jpg")

    patch(signed_in, path, 0, b"123")

    assert jobs.claim_next("tester").original_filename == "1.jpg"


def test_an_upload_in_one_album_does_not_lock_another(signed_in, album, owner):
    create(signed_in, album)

    assert create(signed_in, Album.objects.create(title="Winter", owner=owner)).status_code == 201
