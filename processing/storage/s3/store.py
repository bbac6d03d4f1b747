"""The store in a bucket. Its keys are without their place; PlacedStore puts `s3/` before them.

The local directory holds drafts on their way in, and what is borrowed, for as long as it is.
"""

import errno
import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage
from django.utils._os import safe_join

from albums.attachments import attachment
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage import errors
from processing.storage.base import ON_LOAN, Listed
from processing.storage.errors import StorageTrouble
from processing.storage.local.partial_file import DRAFT, FENCE
from processing.storage.local.store import LocalStore
from processing.storage.s3 import client, presign, transfer
from processing.storage.s3.config import Connection
from processing.storage.s3.partial import Goal, S3Growing, S3Receiving

REMEMBERED_SECONDS = 3.0
"""Asked before every file: so long what was found last is believed."""
FOR_EVER = "private, max-age=31536000, immutable"
"""Renditions never change under their key."""
TYPES = {".webp": "image/webp", ".avif": "image/avif"}
UNKNOWN_TYPE = "application/octet-stream"
RENDITION_SECONDS = 6 * 3600
ORIGINAL_SECONDS = 300
CHUNK = 1 << 20
AT_A_TIME = 4


class S3Store(Storage):
    def __init__(self, connection: Connection, location: Path) -> None:
        self.connection = connection
        self._local = LocalStore(location=location)
        self._location = location
        self._looked: tuple[float, StorageTrouble | None] | None = None
        self._looking = Lock()

    def receive(self, key: str) -> S3Receiving:
        return S3Receiving(self._draft(key), self._goal(key))

    def grow(self, key: str) -> S3Growing:
        return S3Growing(self._draft(key), self._goal(key))

    @contextmanager
    def borrow(self, key: str) -> Iterator[Path]:
        """A copy on the disk: so large a file needs room there, and no memory."""
        with self.scratch(ON_LOAN + secrets.token_hex(8)) as room:
            path = room / Path(key).name
            self._fetch(key, path)
            yield path

    def keep(self, key: str, as_key: str) -> None:
        with errors.told(key):
            transfer.copy(self._client, self._object(key), self._object(as_key))

    def adopt(self, files: Mapping[str, Path]) -> None:
        with ThreadPoolExecutor(AT_A_TIME, "s3-adopt") as pool:
            for path in pool.map(lambda item: self._take(*item), files.items()):
                path.unlink()
                failpoints.reach(Point.BETWEEN_RENDITIONS)

    def send(self, path: Path, key: str) -> None:
        """A local file as this object, which the file outlives."""
        suffix = Path(key).suffix
        headers: dict[str, Any] = {"ContentType": TYPES.get(suffix, UNKNOWN_TYPE)}
        if suffix in TYPES:
            headers["CacheControl"] = FOR_EVER
        transfer.send(self.connection, path, key, **headers)

    def keys(self, prefix: str) -> Iterator[str]:
        return (listed.key for listed in self.listed(prefix))

    def listed(self, prefix: str) -> Iterator[Listed]:
        pages = self._client.get_paginator("list_objects_v2")
        with errors.told(prefix):
            for page in pages.paginate(Bucket=self.connection.bucket, Prefix=self.connection.name(f"{prefix}/")):
                for each in page.get("Contents", ()):
                    yield Listed(self.connection.key(each["Key"]), each["Size"], each["LastModified"])

    def move(self, key: str, as_key: str) -> None:
        self.keep(key, as_key)
        self.delete(key)

    def scratch(self, name: str) -> Any:
        return self._local.scratch(name)

    def delete(self, name: str) -> None:
        """Not tried while the bucket cannot be reached: there may be hundreds, and each would wait for the line."""
        if away := self.trouble():
            raise away
        failpoints.reach(Point.BEFORE_DELETE)
        draft = self._path(name)
        for ending in (DRAFT, FENCE):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)
        with errors.told(name):
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
        """With a name it is a download, by a link that is soon no good any more; without, its link stays the same for hours."""
        answer = {}
        if name is not None:
            answer["ResponseContentDisposition"] = attachment(name)
        if content_type:
            answer["ResponseContentType"] = content_type
        lasting = seconds or (RENDITION_SECONDS if name is None else ORIGINAL_SECONDS)
        with errors.told(key):
            return presign.link(self.connection, key, lasting, rounded=name is None, answer=answer, method=method)

    def is_there(self) -> bool:
        """What only a person can set right is told by trying."""
        found = self.trouble()
        return found is None or found.permanent

    def trouble(self) -> StorageTrouble | None:
        """What keeps the bucket from answering, as far as a look can tell."""
        if self._is_known():
            return self._known()
        if not self._looking.acquire(blocking=self._looked is None):  # one looks, the others go by what was seen last
            return self._known()
        try:
            if not self._is_known():
                found = self._look()
                self._looked = time.monotonic(), found
        finally:
            self._looking.release()
        return self._known()

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
        """Read from a copy without a name, which goes when it is closed."""
        with self.borrow(name) as path:
            return File(path.open("rb"), name)

    def _save(self, name: str, content: Any) -> str:
        receiving = self.receive(name)
        for chunk in content.chunks():
            receiving.write(chunk)
        receiving.commit()
        return name

    @property
    def _client(self) -> Any:
        return client.client(self.connection)

    def _object(self, key: str) -> dict[str, str]:
        self._path(key)
        return {"Bucket": self.connection.bucket, "Key": self.connection.name(key)}

    def _path(self, key: str) -> Path:
        """Where its draft's final name would be. A key that leads out of the tree leads out of the prefix too."""
        path = Path(safe_join(self._location, key))
        if path.relative_to(Path(self._location).resolve()).as_posix() != key:
            raise SuspiciousFileOperation(f"Not a key: {key}")
        return path

    def _draft(self, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _goal(self, key: str) -> Goal:
        return Goal(
            send=lambda path: self.send(path, key),
            size=lambda: self.size(key),
            take_back=lambda: self.delete(key),
        )

    def _take(self, key: str, path: Path) -> Path:
        self.send(path, key)
        return path

    def _head(self, key: str) -> dict[str, Any]:
        """A HEAD that finds nothing does not say what was not there: the object, or the whole bucket."""
        try:
            with errors.told(key):
                head: dict[str, Any] = self._client.head_object(**self._object(key))
                return head
        except FileNotFoundError:
            if found := self.trouble():
                raise found from None
            raise

    def _fetch(self, key: str, path: Path) -> None:
        with errors.told(key), path.open("wb") as file:
            answer = self._client.get_object(**self._object(key))
            digest, size = hashlib.sha256(), 0
            for chunk in answer["Body"].iter_chunks(CHUNK):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        sent = answer.get("Metadata", {}).get(transfer.SHA256, digest.hexdigest())
        if size != answer["ContentLength"]:
            raise StorageTrouble(errors.NETWORK, f"{size} bytes of {answer['ContentLength']} of {key}")
        if sent != digest.hexdigest():
            raise OSError(errno.EIO, "The bytes in the bucket are not those that were sent there", key)

    def _is_known(self) -> bool:
        return self._looked is not None and time.monotonic() - self._looked[0] <= REMEMBERED_SECONDS

    def _known(self) -> StorageTrouble | None:
        return self._looked[1] if self._looked else None

    def _look(self) -> StorageTrouble | None:
        """A listing and not a HEAD, which has no words for what is wrong."""
        try:
            with errors.told():
                client.hurried(self.connection).list_objects_v2(
                    Bucket=self.connection.bucket, Prefix=self.connection.prefix, MaxKeys=1
                )
        except StorageTrouble as found:
            return found
        except FileNotFoundError:
            return StorageTrouble(errors.BUCKET_MISSING)
        return None
