"""Straight to the bucket, through the routes of Uppy's Companion.

The bucket here checks no signature; that of tests/browser/test_direct.py does.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from albums import removal
from albums.models import Album, Leftover
from processing import batches, bell, sweeper
from processing.intake import parts
from processing.models import Batch, Part, ProcessingJob, Upload
from processing.states import UploadState
from processing.storage import connection as bucket_connection
from processing.storage import store
from processing.storage.connection import Connection
from processing.views import passes
from tests.journeys.test_manifest import declare, file, states
from tests.journeys.test_tus import patch
from tests.processing import making
from tests.servers import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
after_commit = pytest.mark.django_db(transaction=True)

PART = parts.LEAST_BYTES
WHOLE = os.urandom(PART) + b"the end"
PIECES = (WHOLE[:PART], WHOLE[PART:])
ORIGIN = "http://testserver"
ACKNOWLEDGING = '"ended_at" = '
BEGINNING = 'UPDATE "processing_upload" SET "multipart_id"'


class Companion:
    """Asks as Uppy does, and puts bytes where it is told."""

    def __init__(self, client: Client, album: Album, user: Any) -> None:
        self.client, self.album = client, album
        self.root = f"/albums/{album.pk}/uploads/direct/{passes.make(user, album)}/s3"

    def post(self, path: str, body: object = None, **headers: str):
        body = {} if body is None else body
        headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"} | headers
        return self.client.post(f"{self.root}{path}", body, content_type="application/json", headers=headers)

    def get(self, path: str, **query: str | int):
        return self.client.get(f"{self.root}{path}", query, headers={"Sec-Fetch-Site": "same-origin"})

    def create(self, name: str = "IMG_1.JPG", **metadata: object) -> str:
        response = self.post("/multipart", {"filename": name, "type": "image/jpeg", "metadata": metadata})
        assert response.status_code == 200, response.content
        return response.json()["uploadId"]

    def put(self, upload: str, number: int, content: bytes) -> requests.Response:
        response = self.get(f"/multipart/{upload}/{number}", size=len(content))
        assert response.status_code == 200, response.content
        return requests.put(response.json()["url"], content, timeout=20)

    def send(self, upload: str, *pieces: bytes) -> None:
        for number, piece in enumerate(pieces, 1):
            assert self.put(upload, number, piece).ok

    def listed(self, upload: str) -> list[tuple[int, int]]:
        return [(part["PartNumber"], part["Size"]) for part in self.get(f"/multipart/{upload}").json()]

    def complete(self, upload: object, **body: object):
        return self.post(f"/multipart/{upload}/complete", body)

    def abort(self, upload: str):
        return self.client.delete(f"{self.root}/multipart/{upload}", headers={"Origin": ORIGIN})


@pytest.fixture
def signed_in(owner) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


@pytest.fixture(scope="module")
def shared_bucket(moto) -> dict[str, str]:
    """One for all tests here: each new one means new clients, which cost more than the tests."""
    return moto.new_bucket()


@pytest.fixture
def bucket(moto, shared_bucket, settings) -> Iterator[Connection]:
    for name, value in (shared_bucket | {"S3_PREFIX": ""}).items():
        setattr(settings, name, value)
    yield bucket_connection.from_environment()
    moto.empty(shared_bucket["S3_BUCKET"])


@pytest.fixture
def companion(signed_in, album, owner, bucket) -> Companion:
    return Companion(signed_in, album, owner)


@contextmanager
def database_failing_at(words: str):
    """Of the statements that hold these words, none gets through."""

    def fail(execute, sql, params, many, context):
        if words in sql:
            raise OperationalError("the database has gone away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


@contextmanager
def bucket_away(settings):
    """Nobody listens where the bucket should be."""
    before = settings.S3_ENDPOINT
    settings.S3_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    yield
    settings.S3_ENDPOINT = before


def fail_to_acknowledge(companion: Companion, upload: object) -> None:
    """The bucket has joined the parts when the database fails."""
    with database_failing_at(ACKNOWLEDGING):
        assert companion.complete(upload).status_code == 503
    row = Upload.objects.get()
    assert (row.state, store().exists(row.key)) == (UploadState.RECEIVING, True)


def forgotten(**more: object) -> None:
    """Nothing was heard of any upload for so long that the sweep looks at it."""
    Upload.objects.update(expires_at=timezone.now() + timedelta(seconds=60), **more)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ensure_received(content: bytes) -> None:
    """As one upload with one job, whose raw file is this; and nothing else is left in the bucket."""
    upload = Upload.objects.get()
    assert (upload.state, upload.size, upload.sha256) == (UploadState.RECEIVED, len(content), digest(content))
    assert ProcessingJob.objects.get().raw_path == upload.key
    assert [*store().keys("s3/incoming")] == [upload.key]
    with store().borrow(upload.key) as path:
        assert path.read_bytes() == content


def test_a_file_comes_in_parts_and_becomes_a_job(companion, moto, bucket, owner):
    upload = companion.create()
    companion.send(upload, *PIECES)

    response = companion.complete(upload)

    told = {"state": "received", "location": companion.album.get_absolute_url(), "key": f"s3/incoming/{upload}"}
    assert (response.status_code, response.json()) == (200, told)
    ensure_received(WHOLE)
    batch = Batch.objects.get()
    assert (batch.source, batch.opened_by) == (Batch.Source.DIRECT, owner)
    assert moto.multiparts(bucket.bucket) == []
    assert not Part.objects.exists()


def test_a_small_file_is_one_part(companion):
    upload = companion.create()
    companion.send(upload, b"small")

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


def test_several_files_join_one_batch(companion):
    for name in ("1.jpg", "2.jpg"):
        upload = companion.create(name)
        companion.send(upload, name.encode())
        assert companion.complete(upload).status_code == 200

    assert [upload.name for upload in Batch.objects.get().uploads.all()] == ["1.jpg", "2.jpg"]


def test_parts_are_listed_as_the_bucket_has_them_and_noted(companion):
    upload = companion.create()
    companion.send(upload, PIECES[0])
    companion.get(f"/multipart/{upload}/2", size=7)

    assert companion.listed(upload) == [(1, PART)]

    rows = Part.objects.values_list("number", "size", "state")
    assert [*rows] == [(1, PART, Part.State.STORED), (2, 7, Part.State.EXPECTED)]
    assert Upload.objects.get().arrived == PART


def test_the_batch_page_tells_of_parts(companion, signed_in):
    upload = companion.create()
    companion.send(upload, PIECES[0])
    companion.get(f"/multipart/{upload}/2", size=7)

    page = signed_in.get(f"/batches/{Batch.objects.get().pk}/")

    assert "1 part in the bucket, part 2 on its way" in page.content.decode()


def test_an_address_takes_exactly_the_bytes_that_it_was_asked_for(companion):
    upload = companion.create()

    url = companion.get(f"/multipart/{upload}/1", size=5).json()["url"]

    assert "content-length" in url  # among the headers that are signed


def test_whoever_comes_back_sends_what_is_missing(companion):
    upload = companion.create()
    companion.put(upload, 2, PIECES[1])

    response = companion.complete(upload)
    assert (response.status_code, response.json()["error"]) == (409, "parts-missing")

    companion.put(upload, 1, PIECES[0])
    assert companion.complete(upload).status_code == 200
    ensure_received(WHOLE)


def test_completing_twice_is_answered_alike(companion):
    upload = companion.create()
    companion.send(upload, b"small")

    first, second = companion.complete(upload), companion.complete(upload)

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    ensure_received(b"small")


def test_what_the_bucket_forgot_begins_anew(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")
    row = Upload.objects.get()
    moto.client().abort_multipart_upload(Bucket=bucket.bucket, Key=f"incoming/{upload}", UploadId=row.multipart_id)

    assert companion.listed(upload) == []
    companion.send(upload, b"small")

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


@after_commit
def test_a_file_that_is_not_what_was_announced_is_refused_and_goes(companion):
    upload = companion.create()
    companion.send(upload, b"damaged")

    response = companion.complete(upload, sha256=digest(b"whole"))

    assert (response.status_code, response.json()["error"]) == (422, "not-as-declared")
    assert [*store().keys("s3/incoming")] == []


def test_a_file_of_another_size_than_announced_is_refused(companion):
    upload = companion.create(size=3)

    assert companion.get(f"/multipart/{upload}/1", size=4).status_code == 413
    url = companion.get(f"/multipart/{upload}/1").json()["url"]
    requests.put(url, b"four", timeout=20)
    response = companion.complete(upload)

    assert response.status_code == 413
    assert Upload.objects.get().code == "not-as-declared"


def test_a_file_larger_than_is_taken_is_refused(companion, settings):
    settings.MAX_FILE_BYTES = 3
    upload = companion.create()
    url = companion.get(f"/multipart/{upload}/1").json()["url"]
    requests.put(url, b"four", timeout=20)

    assert companion.complete(upload).status_code == 413
    assert companion.post("/multipart", {"filename": "a.jpg", "metadata": {"size": 4}}).status_code == 413


@after_commit
def test_the_same_picture_twice_finishes_like_any_other(companion, moto, bucket):
    for _ in range(2):
        upload = companion.create()
        companion.send(upload, b"small")
        assert companion.complete(upload).status_code == 200

    assert [*Upload.objects.values_list("state", "code")] == [("received", ""), ("refused", "duplicate")]
    assert len(moto.names(bucket.bucket)) == 1


@after_commit
def test_an_upload_that_is_taken_back_leaves_nothing(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")

    assert companion.abort(upload).status_code == 200

    assert Upload.objects.get().state == UploadState.CANCELLED
    assert moto.multiparts(bucket.bucket) == []
    assert companion.get(f"/multipart/{upload}/1").status_code == 410


@after_commit
def test_a_form_of_the_whole_file_is_found_by_the_sweep(companion, moto, bucket):
    told = companion.get("/params", filename="IMG_1.JPG", type="image/jpeg").json()
    requests.post(told["url"], told["fields"], files={"file": b"small"}, timeout=20).raise_for_status()
    forgotten()

    assert sweeper.sweep().handed_over == 1

    ensure_received(b"small")
    assert Upload.objects.get().name == "IMG_1.JPG"


def test_a_form_sent_again_changes_nothing_that_was_received(companion):
    told = companion.get("/params", filename="IMG_1.JPG").json()
    requests.post(told["url"], told["fields"], files={"file": b"small"}, timeout=20)
    forgotten()
    sweeper.sweep()

    requests.post(told["url"], told["fields"], files={"file": b"other"}, timeout=20).raise_for_status()

    with store().borrow(Upload.objects.get().key) as path:
        assert path.read_bytes() == b"small"


def test_a_large_file_is_read_back_by_a_worker(companion, monkeypatch):
    monkeypatch.setattr(parts, "AT_ONCE_BYTES", 4)
    upload = companion.create(size=5)
    companion.send(upload, b"small")

    response = companion.complete(upload)
    assert (response.status_code, response.json()["state"], response["Retry-After"]) == (202, "checking", "2")
    assert not ProcessingJob.objects.exists()
    waiting = bell.waiting()
    assert companion.complete(upload).status_code == 202
    assert bell.waiting() == waiting  # whoever asks again tells no second worker

    parts.hand_over_by_id(uuid.UUID(upload))
    assert companion.complete(upload).json()["state"] == "received"
    ensure_received(b"small")


def test_a_large_file_that_no_worker_heard_of_is_told_again_by_the_sweep(companion, monkeypatch):
    monkeypatch.setattr(parts, "AT_ONCE_BYTES", 4)
    upload = companion.create(size=5)
    companion.send(upload, b"small")
    companion.complete(upload)
    HUEY.storage.flush_queue()
    forgotten()

    sweeper.sweep()
    bells = [HUEY.dequeue() for _ in range(bell.waiting())]

    assert [told.args for told in bells if told.name == "hand_over"] == [(upload,)]


def test_an_empty_part_is_an_empty_file(companion):
    upload = companion.create()
    requests.put(companion.get(f"/multipart/{upload}/1").json()["url"], b"", timeout=20).raise_for_status()

    response = companion.complete(upload)

    assert (response.status_code, response.json()["error"]) == (422, "empty-file")


def test_a_sender_tells_how_far_it_is(companion):
    upload = companion.create(size=10)

    assert companion.post(f"/multipart/{upload}/arrived?bytes=4").status_code == 204
    assert Upload.objects.get().arrived == 4

    companion.post(f"/multipart/{upload}/arrived?bytes=4711")
    assert Upload.objects.get().arrived == 10


# When the database or the bucket fails in between


@after_commit
def test_a_database_that_fails_after_the_bucket_joined_the_parts_loses_nothing(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, *PIECES)
    fail_to_acknowledge(companion, upload)
    assert (moto.names(bucket.bucket), moto.multiparts(bucket.bucket)) == ([f"incoming/{upload}"], [])
    assert Upload.objects.get().state == UploadState.RECEIVING
    forgotten()

    assert sweeper.sweep().handed_over == 1

    ensure_received(WHOLE)


@after_commit
def test_a_sender_who_asks_again_after_that_is_acknowledged(companion):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)

    assert companion.complete(upload).status_code == 200
    ensure_received(b"small")


def test_a_bucket_that_fails_after_the_database_said_so_loses_nothing(companion, settings):
    upload = companion.create(size=len(WHOLE))
    companion.send(upload, *PIECES)
    with bucket_away(settings):
        assert companion.complete(upload).status_code == 503
    forgotten()

    assert sweeper.sweep().handed_over == 1

    ensure_received(WHOLE)


@after_commit
def test_a_bucket_that_cannot_be_asked_expires_nothing(companion, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    fail_to_acknowledge(companion, upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with bucket_away(settings):
        assert sweeper.sweep().expired == 0
    forgotten()

    assert sweeper.sweep().handed_over == 1
    ensure_received(b"small")


@after_commit
def test_a_database_that_fails_after_the_bucket_began_leaves_no_orphan(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    with database_failing_at(BEGINNING):
        response = companion.post("/multipart", {"filename": "IMG_1.JPG"})
    assert response.status_code == 503
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert sweeper.sweep().aborted == 1

    assert moto.multiparts(bucket.bucket) == []


@after_commit
def test_a_bucket_that_fails_after_an_upload_was_cancelled_leaves_no_orphan(companion, moto, bucket, settings):
    upload = companion.create()
    companion.send(upload, b"small")
    with bucket_away(settings):
        assert batches.cancel(companion.album, "owner") == 1
    assert len(moto.multiparts(bucket.bucket)) == 1

    assert sweeper.sweep().aborted == 1

    assert (moto.multiparts(bucket.bucket), Leftover.objects.count(), Part.objects.count()) == ([], 0, 0)


def test_the_sweep_leaves_what_is_on_its_way(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    upload = companion.create()
    companion.send(upload, PIECES[0])
    forgotten()

    swept = sweeper.sweep()

    assert (swept.handed_over, swept.aborted, swept.strays) == (0, 0, 0)
    assert moto.multiparts(bucket.bucket) == [f"incoming/{upload}"]
    companion.put(upload, 2, PIECES[1])
    assert companion.complete(upload).status_code == 200
    ensure_received(WHOLE)


def test_parts_that_are_all_there_are_joined_though_nobody_comes_back(companion):
    upload = companion.create(size=len(WHOLE))
    companion.send(upload, *PIECES)
    forgotten()

    assert sweeper.sweep().handed_over == 1
    ensure_received(WHOLE)


@after_commit
def test_an_upload_of_which_nothing_comes_expires_with_its_parts(companion, moto, bucket):
    upload = companion.create()
    companion.send(upload, b"small")
    companion.listed(upload)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert sweeper.sweep().expired == 1

    assert moto.multiparts(bucket.bucket) == []
    assert companion.complete(upload).status_code == 410


def test_an_album_deleted_meanwhile_leaves_nothing(companion, moto, bucket, settings):
    settings.ORPHAN_GRACE_SECONDS = 0
    companion.send(companion.create(), b"small")

    removal.delete_album(companion.album)
    sweeper.sweep()

    assert moto.multiparts(bucket.bucket) == []


# Beside the other ways


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


# Who may


ROUTES = [
    ("get", "/params?filename=a.jpg"),
    ("post", "/multipart"),
    ("get", "/multipart/{}"),
    ("delete", "/multipart/{}"),
    ("get", "/multipart/{}/1"),
    ("post", "/multipart/{}/arrived"),
    ("post", "/multipart/{}/complete"),
]


def ask(client: Client, companion: Companion, method: str, route: str, upload: object, **headers: str):
    body = {"content_type": "application/json", "data": {"filename": "a.jpg"}} if method == "post" else {}
    return getattr(client, method)(companion.root + route.format(upload), headers=headers, **body)


def answers(client: Client, companion: Companion, upload: object, **headers: str) -> set[tuple[int, str]]:
    """Of all routes."""
    found = [ask(client, companion, method, route, upload, **headers) for method, route in ROUTES]
    return {(response.status_code, response.json()["error"]) for response in found}


def test_nobody_else_gets_in(companion, stranger):
    upload, theirs = companion.create(), Client()
    theirs.force_login(stranger)

    assert answers(Client(), companion, upload) == {(401, "sign-in")}
    assert answers(theirs, companion, upload) == {(404, "not-found")}
    assert answers(companion.client, companion, upload, Origin="http://evil.example") == {(403, "origin")}
    assert answers(companion.client, companion, upload, **{"Sec-Fetch-Site": "cross-site"}) == {(403, "origin")}
    companion.root = companion.root.replace("/s3", "x/s3")
    assert answers(companion.client, companion, upload) == {(404, "not-found")}


def test_an_unknown_upload_is_not_found(companion):
    found = [ask(companion.client, companion, method, route, uuid.uuid4()) for method, route in ROUTES if "{}" in route]

    assert {response.status_code for response in found} == {404}


def test_an_upload_is_its_senders_alone(companion, admin):
    """Even if its album is another's, too."""
    upload = companion.create()
    client = Client()
    client.force_login(admin)
    theirs = Companion(client, companion.album, admin)

    assert theirs.get(f"/multipart/{upload}").status_code == 404


def test_a_pass_is_for_one_album(companion, owner):
    other = Album.objects.create(title="Winter", owner=owner)
    companion.root = companion.root.replace(f"/albums/{companion.album.pk}/", f"/albums/{other.pk}/")

    assert companion.post("/multipart", {"filename": "a.jpg"}).status_code == 404


def test_a_wrong_method_is_refused(companion):
    upload, methods = companion.create(), ("get", "post", "put", "patch", "delete")
    wrong = [
        (method, route)
        for route in {route for _, route in ROUTES}
        for method in methods
        if (method, route) not in ROUTES
    ]

    found = [ask(companion.client, companion, method, route, upload) for method, route in wrong]

    assert {response.status_code for response in found} == {405}


def test_what_is_no_beginning_is_refused(companion):
    bodies = ["no json", "[]", '{"filename": 1}', '{"filename": ""}', json.dumps({"metadata": {}})]

    found = [companion.post("/multipart", body) for body in bodies]

    assert {(response.status_code, response.json()["error"]) for response in found} == {(400, "bad-body")}
    assert not Upload.objects.exists()


def test_a_part_of_no_number_is_refused(companion):
    upload = companion.create()

    assert {companion.get(f"/multipart/{upload}/{number}").status_code for number in (0, 10_001, 10**20)} == {400}
