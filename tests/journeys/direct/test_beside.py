"""Straight to the bucket, beside the other ways."""

import pytest

from processing.models import Batch, Upload
from tests.journeys.direct.companion import PART, PIECES, WHOLE, Companion, ensure_received, fail_to_acknowledge
from tests.journeys.test_manifest import declare, file, states
from tests.journeys.test_tus import patch
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)


def test_a_declared_batch_goes_straight_to_the_bucket(companion, signed_in, album):
    told = declare(signed_in, album, file(b"small")).json()

    [answer] = told["files"]
    upload = Upload.objects.get()
    assert told["direct"] == companion.root.removesuffix("/s3")
    assert (answer["parts"], answer["part_bytes"]) == (f"{companion.root}/multipart/{upload.pk}", 8 << 20)
    companion.send(upload.pk, b"small")
    assert companion.complete(upload.pk).status_code == 200
    ensure_received(b"small")
    assert states(declare(signed_in, album, file(b"small"))) == ["received"]


def test_after_a_reload_a_declared_file_goes_on_in_parts(companion, signed_in, album):
    declare(signed_in, album, file(WHOLE))
    upload = Upload.objects.get()
    companion.put(upload.pk, 1, PIECES[0])
    companion.listed(upload.pk)

    [answer] = declare(signed_in, album, file(WHOLE)).json()["files"]

    assert (answer["state"], answer["offset"]) == ("half", PART)
    assert answer["parts"] == f"{companion.root}/multipart/{upload.pk}"


def test_what_began_through_the_server_goes_on_there(signed_in, album, bucket):
    [answer] = declare(signed_in, album, file(b"picture")).json()["files"]
    patch(signed_in, answer["upload"], 0, b"pic")

    [answer] = declare(signed_in, album, file(b"picture")).json()["files"]

    assert (answer["state"], answer["offset"], answer["parts"]) == ("half", 3, None)
    assert patch(signed_in, answer["upload"], 3, b"ture").status_code == 204
    ensure_received(b"picture")


def test_whoever_goes_on_through_the_server_begins_anew(companion, signed_in, album, moto, bucket):
    [answer] = declare(signed_in, album, file(b"picture")).json()["files"]
    upload = Upload.objects.get()
    companion.send(upload.pk, b"pic")

    stood = signed_in.head(answer["upload"], headers={"Tus-Resumable": "1.0.0"})

    assert stood["Upload-Offset"] == "0"
    assert moto.multiparts(bucket.bucket) == []
    assert patch(signed_in, answer["upload"], 0, b"picture").status_code == 204
    ensure_received(b"picture")


@after_commit
def test_what_is_whole_in_the_bucket_is_whole_for_whoever_asks_the_server(companion, signed_in, album):
    [answer] = declare(signed_in, album, file(b"picture")).json()["files"]
    upload = Upload.objects.get()
    companion.send(upload.pk, b"picture")
    fail_to_acknowledge(companion, upload.pk)

    stood = signed_in.head(answer["upload"], headers={"Tus-Resumable": "1.0.0"})

    assert stood["Upload-Offset"] == "7"
    ensure_received(b"picture")


@pytest.mark.embedded
def test_without_a_bucket_nothing_goes_there(signed_in, album, owner):
    companion = Companion(signed_in, album, owner)

    told = declare(signed_in, album, file(b"small")).json()

    assert (told["direct"], told["files"][0]["parts"]) == (None, None)
    response = companion.post("/multipart", {"filename": "a.jpg"})
    assert (response.status_code, response.json()["error"]) == (404, "no-bucket")


def test_another_batch_at_work_is_told(companion, stranger):
    making.upload(companion.album, batch=Batch.objects.create(album=companion.album, opened_by=stranger, source="form"))

    response = companion.post("/multipart", {"filename": "a.jpg"})

    assert (response.status_code, response.json()["error"]) == (409, "album-busy")
