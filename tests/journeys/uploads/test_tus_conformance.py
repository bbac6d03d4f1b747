"""The requirements (MUST) of tus 1.0.0 and known mistakes of other servers, as tables."""

import hashlib
import shutil
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.models import Upload
from processing.models.states import UploadState
from processing.uploads import lifecycle
from processing.uploads.body import body_reader
from processing.uploads.tus import hash_cache
from processing.uploads.tus import session as tus_session
from tests.journeys.uploads.tus_client import OCTETS, VERSION, b64, checksum, create, head, patch, path_of

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 4
UNKNOWN_ID = uuid.UUID(int=4)


def first_bytes(client, album, body: bytes, content_type: str = OCTETS, **extra_headers: str):
    headers = VERSION | {"Upload-Length": str(len(CONTENT))} | extra_headers
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", body, content_type=content_type, headers=headers)


@pytest.mark.once
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/albums/{album}/uploads/tus", 201),
        ("HEAD", "/uploads/{upload}", 200),
        ("PATCH", "/uploads/{upload}", 204),
        ("DELETE", "/uploads/{upload}", 204),
        ("HEAD", "/uploads/junk/", 404),
        ("PATCH", "/uploads/junk", 404),
        ("HEAD", f"/uploads/{UNKNOWN_ID}/", 404),
        ("DELETE", f"/uploads/{UNKNOWN_ID}/", 404),
        ("POST", "/albums/4711/uploads/tus/", 404),
        ("POST", f"/albums/{10**30}/uploads/tus/", 404),
        ("GET", "/uploads/{upload}/", 405),
        ("LOCK", "/albums/{album}/uploads/tus/", 405),
    ],
)
def test_no_response_is_a_redirect_and_each_has_the_version_header(signed_in, album, method, path, status):
    create(signed_in, album)
    path = path.format(album=album.pk, upload=Upload.objects.get().pk)
    headers = VERSION | {"Upload-Offset": "0", "Content-Type": OCTETS, "Upload-Length": "10"}

    response = signed_in.generic(method, path, content_type=OCTETS, headers=headers)

    assert (response.status_code, response["Tus-Resumable"]) == (status, "1.0.0")


@pytest.mark.once
@pytest.mark.parametrize("path", ["/albums/{album}/uploads/tus/", "/uploads/{upload}/"])
def test_anonymous_clients_get_the_options_without_a_version_header(signed_in, album, path):
    create(signed_in, album)

    response = Client().options(path.format(album=album.pk, upload=Upload.objects.get().pk))

    assert (response.status_code, response["Tus-Version"]) == (204, "1.0.0")


@pytest.mark.once
@pytest.mark.parametrize("version", [{}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": "1.0"}])
def test_another_version_gets_412_with_ours_and_changes_nothing(signed_in, album, version):
    path = path_of(create(signed_in, album))
    headers = {"Upload-Offset": "0", "Content-Type": OCTETS} | version

    responses = [
        signed_in.generic("PATCH", path, b"123", content_type=OCTETS, headers=headers),
        signed_in.delete(path, headers=version),
        signed_in.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers={"Upload-Length": "5"} | version),
    ]

    assert {(response.status_code, response["Tus-Version"]) for response in responses} == {(412, "1.0.0")}
    assert (head(signed_in, path)["Upload-Offset"], Upload.objects.count()) == ("0", 1)


@pytest.mark.parametrize(
    "metadata", [f"filename {b64(b'a.jpg')}", f"filename {b64(b'a.jpg')},is_private,type {b64(b'x')}"]
)
def test_head_returns_the_metadata_unchanged(signed_in, album, metadata):
    path = path_of(create(signed_in, album, **{"Upload-Metadata": metadata}))

    assert head(signed_in, path)["Upload-Metadata"] == metadata


def test_an_album_deleted_during_the_request_is_not_found(signed_in, album, monkeypatch):
    monkeypatch.setattr(tus_session, "ensure_room", lambda *_, **__: Album.objects.filter(pk=album.pk).delete())

    response = create(signed_in, album, 4)

    assert (response.status_code, response.json()["error"], response["Tus-Resumable"]) == (404, "not-found", "1.0.0")


def test_upload_addresses_are_random(signed_in, album):
    path = path_of(create(signed_in, album))

    assert uuid.UUID(path.strip("/").rpartition("/")[2]).version == 4


@pytest.mark.once
@pytest.mark.parametrize("offset", ["-1", "+1", "1.0", "0x1", "1e3", "", " ", "٣", "9" * 30, "NaN"])
def test_an_offset_that_is_no_number_is_rejected(signed_in, album, offset):
    path = path_of(create(signed_in, album))

    response = patch(signed_in, path, 0, b"1", **{"Upload-Offset": offset})

    assert (response.status_code, head(signed_in, path)["Upload-Offset"]) == (400, "0")


@pytest.mark.parametrize(
    ("reason", "status"),
    [("terminated", 410), ("expired", 410), ("cancelled", 410)],
)
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_an_upload_that_ended_is_gone_and_has_no_offset(signed_in, album, method, reason, status):
    path = path_of(create(signed_in, album))
    upload = Upload.objects.get()
    match reason:
        case "terminated":
            signed_in.delete(path, headers=VERSION)
        case "expired":
            Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
            lifecycle.expire(upload)
        case "cancelled":
            lifecycle.cancel(upload, "cancelled", "Cancelled.")

    headers = VERSION | {"Upload-Offset": "0", "Content-Type": OCTETS}
    response = signed_in.generic(method, path, content_type=OCTETS, headers=headers)

    assert (response.status_code, response.has_header("Upload-Offset")) == (status, False)


@pytest.mark.parametrize(
    ("method", "status", "receiving"), [("HEAD", 200, 1), ("DELETE", 204, 0), ("PATCH", 204, 1), ("PUT", 405, 1)]
)
def test_each_method_can_be_overridden_by_a_header(signed_in, album, method, status, receiving):
    path = path_of(create(signed_in, album))
    headers = VERSION | {"X-HTTP-Method-Override": method, "Upload-Offset": "0", "Content-Type": OCTETS}

    response = signed_in.generic("POST", path, content_type=OCTETS, headers=headers)

    assert (response.status_code, Upload.objects.receiving().count()) == (status, receiving)


def test_an_empty_chunk_changes_nothing(signed_in, album):
    path = path_of(create(signed_in, album))

    assert [patch(signed_in, path, 0, b"")["Upload-Offset"] for _ in range(2)] == ["0", "0"]


@pytest.mark.parametrize(
    ("lengths", "statuses"),
    [(["10", "10"], [204, 204]), (["10", "11"], [204, 400]), (["10", "9"], [204, 400]), (["junk"], [400])],
)
def test_a_deferred_length_cannot_be_changed(signed_in, album, lengths, statuses):
    path = path_of(create(signed_in, album, None))

    responses = [patch(signed_in, path, 0, b"", **{"Upload-Length": length}) for length in lengths]

    assert [response.status_code for response in responses] == statuses


def test_a_deferred_length_without_bytes_finishes_a_complete_upload(signed_in, album):
    path = path_of(create(signed_in, album, None))
    patch(signed_in, path, 0, b"1234")

    patch(signed_in, path, 4, b"", **{"Upload-Length": "4"})

    assert Upload.objects.get().state == UploadState.RECEIVED


@pytest.mark.parametrize(("body", "status"), [(b"", 204), (b"more", 413)])
def test_a_deferred_length_of_zero_is_an_empty_file(signed_in, album, body, status):
    path = path_of(create(signed_in, album, None))

    response = patch(signed_in, path, 0, body, **{"Upload-Length": "0"})

    assert (response.status_code, response["Upload-Offset"], Upload.objects.get().code) == (status, "0", "empty-file")
    assert head(signed_in, path)["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("headers", "content_type", "status"),
    [
        ({"Upload-Checksum": checksum("sha1", b"other")}, OCTETS, 460),
        ({"Upload-Checksum": "crc32 AAAA"}, OCTETS, 400),
        ({"Upload-Length": "3"}, OCTETS, 413),
        ({}, "image/jpeg", 415),
        ({}, "multipart/form-data; boundary=X", 415),
        ({}, "application/x-www-form-urlencoded", 415),
    ],
)
def test_rejected_bytes_with_the_creation_leave_no_upload_in_progress(signed_in, album, headers, content_type, status):
    response = first_bytes(signed_in, album, CONTENT, content_type, **headers)

    assert (response.status_code, response["Tus-Resumable"]) == (status, "1.0.0")
    assert not Upload.objects.receiving().exists()


def test_temporary_errors_are_not_returned_as_client_errors(signed_in, album, data_dir):
    """After a 4xx, tus-js-client discards the address and starts a new upload."""
    path = path_of(create(signed_in, album))
    patch(signed_in, path, 0, b"1234")
    shutil.move(data_dir / "incoming", data_dir / "away")
    responses = [head(signed_in, path), patch(signed_in, path, 4, b"5"), signed_in.delete(path, headers=VERSION)]
    shutil.move(data_dir / "away", data_dir / "incoming")

    assert {(response.status_code, response["Tus-Resumable"]) for response in responses} == {(503, "1.0.0")}
    assert head(signed_in, path)["Upload-Offset"] == "4"


CHUNKINGS = {
    "at once": [(1024, "")],
    "in parts": [(100, ""), (900, ""), (24, "")],
    "checked in parts": [(100, "sha256"), (900, "sha1"), (24, "md5")],
    "checked at once": [(1024, "sha256")],
    "first checked, then not": [(500, "sha256"), (524, "")],
    "first not, then checked": [(500, ""), (524, "sha256")],
}


@pytest.mark.parametrize("in_memory", [True, False], ids=["in memory", "in a file"])
@pytest.mark.parametrize("restarts", [False, True], ids=["one process", "restarted"])
@pytest.mark.parametrize("chunking", CHUNKINGS)
def test_the_checksum_of_the_file_is_right_for_every_chunking(
    signed_in, album, data_dir, monkeypatch, chunking, restarts, in_memory
):
    monkeypatch.setattr(body_reader, "MAX_IN_MEMORY_BYTES", body_reader.MAX_IN_MEMORY_BYTES if in_memory else 0)
    path, offset = path_of(create(signed_in, album, len(CONTENT))), 0

    for length, algorithm in CHUNKINGS[chunking]:
        chunk = CONTENT[offset : offset + length]
        right = {"Upload-Checksum": checksum(algorithm, chunk)} if algorithm else {}
        wrong = {"Upload-Checksum": checksum("sha256", b"other")}
        assert patch(signed_in, path, offset, chunk, **wrong).status_code == 460
        assert patch(signed_in, path, offset, chunk, **right).status_code == 204
        offset += length
        if restarts:
            hash_cache._kept.clear()

    upload = Upload.objects.get()
    assert (upload.state, upload.sha256) == (UploadState.RECEIVED, hashlib.sha256(CONTENT).hexdigest())
    assert (data_dir / upload.key).read_bytes() == CONTENT
