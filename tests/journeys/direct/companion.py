"""Asks as Uppy's Companion is asked, and tells what became of it."""

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

PART = multipart.MIN_PART_BYTES
WHOLE = os.urandom(PART) + b"the end"
PIECES = (WHOLE[:PART], WHOLE[PART:])
ORIGIN = "http://testserver"
ACKNOWLEDGING = '"ended_at" = '


class Companion:
    """Asks as Uppy does, and puts bytes where it is told."""

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

    def send(self, upload: str, *pieces: bytes) -> None:
        for number, piece in enumerate(pieces, 1):
            assert self.put(upload, number, piece).ok

    def listed(self, upload: str) -> list[tuple[int, int]]:
        return [(part["PartNumber"], part["Size"]) for part in self.get(f"/multipart/{upload}").json()]

    def complete(self, upload: object, **body: object):
        return self.post(f"/multipart/{upload}/complete", body)

    def abort(self, upload: str):
        return self.client.delete(f"{self.root}/multipart/{upload}", headers={"Origin": ORIGIN})


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
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=10), **more)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ensure_received(content: bytes) -> None:
    """As one upload with one job, whose raw file is this; and nothing else is left in the bucket."""
    upload = Upload.objects.get()
    assert (upload.state, upload.size, upload.sha256) == (UploadState.RECEIVED, len(content), digest(content))
    assert ProcessingJob.objects.get().raw_path == upload.key
    assert [*store().keys("s3/incoming")] == [upload.key]
    with store().open_local(upload.key) as path:
        assert path.read_bytes() == content
