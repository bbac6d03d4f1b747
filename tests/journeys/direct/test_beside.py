"""Uploads straight to the bucket, combined with the other ways to upload."""

import pytest

from processing.models import Batch, Upload
from tests.journeys.direct.companion import CONTENT, PART_BYTES, PARTS, Companion, ensure_received, fail_to_acknowledge
from tests.journeys.uploads.manifest_client import declare, file, states
from tests.journeys.uploads.tus_client import patch
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)


def test_a_declared_batch_is_uploaded_straight_to_the_bucket(companion, signed_in, album):
    payload = declare(signed_in, album, file(b"small")).json()

    [entry] = payload["files"]
    upload = Upload.objects.get()
    assert payload["direct"] == companion.root.removesuffix("/s3")
    assert (entry["parts"], entry["part_bytes"]) == (f"{companion.root}/multipart/{upload.pk}", 8 << 20)
    companion.send(upload.pk, b"small")
    assert companion.complete(upload.pk).status_code == 200
    ensure_received(b"small")
    assert states(declare(signed_in, album, file(b"small"))) == ["received"]


def test_declaring_a_file_again_resumes_its_parts(companion, signed_in, album):
    declare(signed_in, album, file(CONTENT))
    upload = Upload.objects.get()
    companion.put(upload.pk, 1, PARTS[0])
    companion.listed(upload.pk)

    [entry] = declare(signed_in, album, file(CONTENT)).json()["files"]

    assert (entry["state"], entry["offset"]) == ("half", PART_BYTES)
    assert entry["parts"] == f"{companion.root}/multipart/{upload.pk}"


def test_an_upload_that_began_through_the_server_is_resumed_there(signed_in, album, bucket):
    [entry] = declare(signed_in, album, file(b"picture")).json()["files"]
    patch(signed_in, entry["upload"], 0, b"pic")

    [entry] = declare(signed_in, album, file(b"picture")).json()["files"]

    assert (entry["state"], entry["offset"], entry["parts"]) == ("half", 3, None)
    assert patch(signed_in, entry["upload"], 3, b"ture").status_code == 204
    ensure_received(b"picture")


def test_switching_from_the_bucket_to_the_server_restarts_the_upload(companion, signed_in, album, moto, bucket):
    [entry] = declare(signed_in, album, file(b"picture")).json()["files"]
    upload = Upload.objects.get()
    companion.send(upload.pk, b"pic")

    response = signed_in.head(entry["upload"], headers={"Tus-Resumable": "1.0.0"})

    assert response["Upload-Offset"] == "0"
    assert moto.multiparts(bucket.bucket) == []
    assert patch(signed_in, entry["upload"], 0, b"picture").status_code == 204
    ensure_received(b"picture")


@after_commit
def test_head_on_the_server_hands_over_a_file_that_is_complete_in_the_bucket(companion, signed_in, album):
    [entry] = declare(signed_in, album, file(b"picture")).json()["files"]
    upload = Upload.objects.get()
    companion.send(upload.pk, b"picture")
    fail_to_acknowledge(companion, upload.pk)

    response = signed_in.head(entry["upload"], headers={"Tus-Resumable": "1.0.0"})

    assert response["Upload-Offset"] == "7"
    ensure_received(b"picture")


@pytest.mark.embedded
def test_without_a_bucket_direct_uploads_are_not_offered(signed_in, album, owner):
    companion = Companion(signed_in, album, owner)

    payload = declare(signed_in, album, file(b"small")).json()

    assert (payload["direct"], payload["files"][0]["parts"]) == (None, None)
    response = companion.post("/multipart", {"filename": "a.jpg"})
    assert (response.status_code, response.json()["error"]) == (404, "no-bucket")


def test_an_active_batch_of_another_user_rejects_direct_uploads(companion, stranger):
    making.upload(companion.album, batch=Batch.objects.create(album=companion.album, opened_by=stranger, source="form"))

    response = companion.post("/multipart", {"filename": "a.jpg"})

    assert (response.status_code, response.json()["error"]) == (409, "album-busy")
