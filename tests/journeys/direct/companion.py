"""A client of the Companion endpoints, and checks of the result."""

import hashlib
import os
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import requests
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from albums.models import Album
from processing.models import ProcessingJob, Upload
from processing.models.states import UploadState
from processing.storage import store
from processing.uploads.direct import multipart, upload_token
from tests.servers import free_port

PART_BYTES = multipart.MIN_PART_BYTES
CONTENT = os.urandom(PART_BYTES) + b"the end"
PARTS = (CONTENT[:PART_BYTES], CONTENT[PART_BYTES:])
ORIGIN = "http://testserver"
ACKNOWLEDGING = '"ended_at" = '


class Companion:
    """Sends the requests that Uppy sends, and puts parts at the addresses that it gets."""

    def __init__(self, client: Client, album: Album, user: Any) -> None:
        self.client, self.album = client, album
        self.root = f"/albums/{album.pk}/uploads/direct/{upload_token.issue(user, album)}/s3"

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
        return requests.put(response.json()["url"], content, timeout=60)

    def send(self, upload: str, *parts: bytes) -> None:
        for number, part_content in enumerate(parts, 1):
            assert self.put(upload, number, part_content).ok

    def listed(self, upload: str) -> list[tuple[int, int]]:
        return [(item["PartNumber"], item["Size"]) for item in self.get(f"/multipart/{upload}").json()]

    def complete(self, upload: object, **body: object):
        return self.post(f"/multipart/{upload}/complete", body)

    def abort(self, upload: str):
        return self.client.delete(f"{self.root}/multipart/{upload}", headers={"Origin": ORIGIN})


@contextmanager
def database_failing_at(sql_text: str):
    """Makes every SQL statement that contains this text fail."""

    def fail(execute, sql, params, many, context):
        if sql_text in sql:
            raise OperationalError("the database has gone away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


@contextmanager
def bucket_away(settings):
    """Makes the bucket unreachable: nothing listens at its endpoint."""
    endpoint = settings.S3_ENDPOINT
    settings.S3_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    yield
    settings.S3_ENDPOINT = endpoint


def fail_to_acknowledge(companion: Companion, upload: object) -> None:
    """Completes the upload in the bucket, and makes the database fail afterwards."""
    with database_failing_at(ACKNOWLEDGING):
        assert companion.complete(upload).status_code == 503
    row = Upload.objects.get()
    assert (row.state, store().exists(row.key)) == (UploadState.RECEIVING, True)


def make_stale(**columns: object) -> None:
    """Moves the expiry of all uploads so near that the sweep examines them."""
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=10), **columns)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ensure_received(content: bytes) -> None:
    """Checks for one received upload with one job and this raw file, and no other file in the bucket."""
    upload = Upload.objects.get()
    assert (upload.state, upload.size, upload.sha256) == (UploadState.RECEIVED, len(content), digest(content))
    assert ProcessingJob.objects.get().raw_path == upload.key
    assert [*store().keys("s3/incoming")] == [upload.key]
    with store().open_local(upload.key) as path:
        assert path.read_bytes() == content
