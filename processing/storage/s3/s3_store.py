"""The store in a bucket. Its keys are without their location; PlacedStore adds the prefix `s3/`.

The local directory holds partial files that are being received, and copies of objects while they are being read.
"""

import errno
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage
from django.utils._os import safe_join

from albums.attachments import attachment
from albums.delivery import IMMUTABLE
from processing.lib import failpoints
from processing.lib.cached_value import CachedValue
from processing.lib.failpoints import Point
from processing.storage import storage_errors
from processing.storage.base import LOCAL_COPY_PREFIX, StoredObject
from processing.storage.keys import DRAFT, FENCE
from processing.storage.local.local_store import LocalStore
from processing.storage.s3 import presign, s3_client, transfer
from processing.storage.s3.config import Connection
from processing.storage.s3.partial import S3FileWriter, S3PartialFile, UploadTarget
from processing.storage.storage_errors import StorageError

CACHE_SECONDS = 3.0
"""How long the result of the reachability check is cached. It is needed before every file."""
CONTENT_TYPES = {".webp": "image/webp", ".avif": "image/avif"}
DEFAULT_CONTENT_TYPE = "application/octet-stream"
RENDITION_LINK_SECONDS = 6 * 3600
DOWNLOAD_LINK_SECONDS = 300
CHUNK = 1 << 20
MAX_PARALLEL_UPLOADS = 4
MAX_RANGE_RETRIES = 3
"""Requests without a byte received, one after the other, after which reading a range fails."""


class S3Store(Storage):
    def __init__(self, connection: Connection, location: Path) -> None:
        self.connection = connection
        self._local = LocalStore(location=location)
        self._location = location
        self._problem = CachedValue(self._check)

    def receive(self, key: str) -> S3FileWriter:
        return S3FileWriter(self._draft(key), self._goal(key))

    def grow(self, key: str) -> S3PartialFile:
        return S3PartialFile(self._draft(key), self._goal(key))

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        """Downloads a copy to the disk, so that large files need disk space but no memory."""
        with self.scratch(LOCAL_COPY_PREFIX + secrets.token_hex(8)) as directory:
            path = directory / Path(key).name
            self._fetch(key, path)
            yield path

    def read_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Continues with a new request when the connection breaks: the bucket closes it if the client reads slowly."""
        attempts = 0
        while start < stop:
            try:
                for chunk in self._read_range_once(key, start, stop):
                    start, attempts = start + len(chunk), 0
                    yield chunk
                if start < stop:
                    raise OSError(errno.EIO, "The object is shorter than expected", key)
            except StorageError as error:
                attempts += 1
                if error.permanent or attempts > MAX_RANGE_RETRIES:
                    raise

    def _read_range_once(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        with storage_errors.translated(key):
            response = self._client.get_object(**self._object(key), Range=f"bytes={start}-{stop - 1}")
            with closing(response["Body"]) as body:
                yield from body.iter_chunks(CHUNK)

    def copy_or_link(self, key: str, as_key: str) -> None:
        with storage_errors.translated(key):
            transfer.copy(self._client, self._object(key), self._object(as_key))

    def copy_all(self, new_keys: Mapping[str, str]) -> None:
        with ThreadPoolExecutor(MAX_PARALLEL_UPLOADS, "s3-copy") as pool:
            for _ in pool.map(lambda item: self.copy_or_link(*item), new_keys.items()):
                failpoints.reach(Point.COPYING)
        failpoints.reach(Point.COPIED)

    def move_in(self, files: Mapping[str, Path]) -> None:
        with ThreadPoolExecutor(MAX_PARALLEL_UPLOADS, "s3-adopt") as pool:
            for path in pool.map(lambda item: self._upload(*item), files.items()):
                path.unlink()
                failpoints.reach(Point.BETWEEN_RENDITIONS)

    def send(self, path: Path, key: str) -> None:
        """Uploads a local file as this object. The local file remains."""
        suffix = Path(key).suffix
        headers: dict[str, Any] = {"ContentType": CONTENT_TYPES.get(suffix, DEFAULT_CONTENT_TYPE)}
        if suffix in CONTENT_TYPES:
            headers["CacheControl"] = IMMUTABLE  # renditions never change under their key
        transfer.send(self.connection, path, key, **headers)

    def keys(self, prefix: str) -> Iterator[str]:
        return (listed.key for listed in self.list_objects(prefix))

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2")
        with storage_errors.translated(prefix):
            for page in pages.paginate(Bucket=self.connection.bucket, Prefix=self.connection.name(f"{prefix}/")):
                for item in page.get("Contents", ()):
                    yield StoredObject(self.connection.key(item["Key"]), item["Size"], item["LastModified"])

    def move(self, key: str, as_key: str) -> None:
        self.copy_or_link(key, as_key)
        self.delete(key)

    def scratch(self, name: str) -> Any:
        return self._local.scratch(name)

    def delete(self, name: str) -> None:
        """Raises at once while the bucket is unreachable: of hundreds of deletions, each would wait for the timeout."""
        if error := self.problem():
            raise error
        failpoints.reach(Point.BEFORE_DELETE)
        draft = self._path(name)
        for suffix in (DRAFT, FENCE):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)
        with storage_errors.translated(name):
            self._client.delete_object(**self._object(name))
        failpoints.reach(Point.AFTER_DELETE)

    def link(
        self,
        key: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        seconds: int | None = None,
        method: str = "GET",
    ) -> str:
        """With a name, a short-lived URL for a download; without, a URL that stays the same for hours."""
        response_headers = {}
        if name is not None:
            response_headers["ResponseContentDisposition"] = attachment(name)
        if content_type:
            response_headers["ResponseContentType"] = content_type
        lifetime = seconds or (RENDITION_LINK_SECONDS if name is None else DOWNLOAD_LINK_SECONDS)
        with storage_errors.translated(key):
            return presign.link(
                self.connection, key, lifetime, rounded=name is None, response_headers=response_headers, method=method
            )

    def is_available(self) -> bool:
        """True also for permanent errors: they are reported by the real attempt."""
        error = self.problem()
        return error is None or error.permanent

    def problem(self) -> StorageError | None:
        """The error of the last reachability check, at most CACHE_SECONDS old; None if the bucket is reachable."""
        return self._problem.get(CACHE_SECONDS)

    def free_bytes(self) -> None:
        return None

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        modified: datetime = self._head(name)["LastModified"]
        return modified

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        """Opens an unlinked local copy, which is deleted on close."""
        with self.open_local(name) as path:
            return File(path.open("rb"), name)

    def _save(self, name: str, content: Any) -> str:
        receiving = self.receive(name)
        for chunk in content.chunks():
            receiving.write(chunk)
        receiving.commit()
        return name

    @property
    def _client(self) -> Any:
        return s3_client.client(self.connection)

    def _object(self, key: str) -> dict[str, str]:
        self._path(key)
        return {"Bucket": self.connection.bucket, "Key": self.connection.name(key)}

    def _path(self, key: str) -> Path:
        """The local path for the key. Raises SuspiciousFileOperation for keys that would lead out of the tree and the prefix."""
        path = Path(safe_join(self._location, key))
        if path.relative_to(Path(self._location).resolve()).as_posix() != key:
            raise SuspiciousFileOperation(f"Not a key: {key}")
        return path

    def _draft(self, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _goal(self, key: str) -> UploadTarget:
        return UploadTarget(
            send=lambda path: self.send(path, key),
            size=lambda: self.size(key),
            take_back=lambda: self.delete(key),
        )

    def _upload(self, key: str, path: Path) -> Path:
        self.send(path, key)
        return path

    def _head(self, key: str) -> dict[str, Any]:
        """The response to a HEAD. A 404 does not say if the object or the bucket is missing, so the bucket is checked then."""
        try:
            with storage_errors.translated(key):
                head: dict[str, Any] = self._client.head_object(**self._object(key))
                return head
        except FileNotFoundError:
            if error := self.problem():
                raise error from None
            raise

    def _fetch(self, key: str, path: Path) -> None:
        with storage_errors.translated(key), path.open("wb") as file:
            response = self._client.get_object(**self._object(key))
            digest, size = hashlib.sha256(), 0
            for chunk in response["Body"].iter_chunks(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        sha256 = response.get("Metadata", {}).get(transfer.SHA256, digest.hexdigest())
        if size != response["ContentLength"]:
            raise StorageError(storage_errors.NETWORK, f"{size} bytes of {response['ContentLength']} of {key}")
        if sha256 != digest.hexdigest():
            raise OSError(errno.EIO, "The object in the bucket differs from the uploaded data", key)

    def _check(self) -> StorageError | None:
        """Checks the bucket with a listing, because the response to a HEAD has no error code."""
        try:
            with storage_errors.translated():
                s3_client.impatient_client(self.connection).list_objects_v2(
                    Bucket=self.connection.bucket, Prefix=self.connection.prefix, MaxKeys=1
                )
        except StorageError as error:
            return error
        except FileNotFoundError:
            return StorageError(storage_errors.BUCKET_MISSING)
        return None
