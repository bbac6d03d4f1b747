"""Uploads by tus that are rejected: their status codes and messages, and what is kept."""

import errno

import pytest
from django.test import Client

from processing.models import Batch, ProcessingJob, Upload
from processing.models.states import UploadState
from processing.uploads import batches
from tests.journeys.uploads.tus_client import VERSION, create, head, patch, path_of

pytestmark = pytest.mark.django_db


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
