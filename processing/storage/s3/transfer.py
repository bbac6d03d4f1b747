"""Sends a local file to the bucket: in one piece or, when it is large, in parts side by side, each checked by its MD5.

Nothing of it is held in memory: each part is read from the disk twice, for its checksum and for the line. Objects are
copied by the bucket itself.
"""

import base64
import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from processing.storage import errors
from processing.storage.errors import StorageTrouble
from processing.storage.s3 import client as s3_client
from processing.storage.s3.config import Connection

PART = 8 << 20
MOST_PARTS = 10_000
"""S3's own limit."""
MAX_COPIED = 5 << 30
"""What S3 copies in one go."""
COPIED_PART = 1 << 30
AT_A_TIME = 4
CHUNK = 1 << 20
SHA256 = "sha256"
"""The object's metadata that holds it: what comes back is held to it."""


def send(
    connection: Connection, path: Path, key: str, *, part: int = PART, whole: int = 2 * PART, **headers: str
) -> None:
    """The file as this object; when this returns, the bucket has all of it. Repeating is harmless.

    `whole`: so many bytes at most are sent in one piece; more of them in parts of `part` bytes, or larger.
    """
    with path.open("rb") as file, errors.told(key):
        size = os.fstat(file.fileno()).st_size
        object_ = {"Bucket": connection.bucket, "Key": connection.name(key)}
        headers |= {"Metadata": {SHA256: hashlib.file_digest(file, "sha256").hexdigest()}}  # type: ignore[dict-item]
        client = s3_client.client(connection)
        if size <= whole:
            _put(client, Stretch(file.fileno(), 0, size), object_ | headers)
        else:
            _in_parts(client, file.fileno(), stretches(size, part), object_, headers)


def abort(client: Any, multipart: dict[str, str]) -> None:
    """A kindness, after something else went wrong: what stays behind, the sweep and the bucket's own rules clear away."""
    with suppress(BotoCoreError, ClientError):
        client.abort_multipart_upload(**multipart)


def stretches(size: int, part: int = PART) -> list[tuple[int, int]]:
    """Where each part begins, and its length: all the same, but the last."""
    part = max(part, -(-size // MOST_PARTS))
    return [(at, min(part, size - at)) for at in range(0, size, part)]


def _put(client: Any, body: "Stretch", wanted: dict[str, Any]) -> None:
    md5 = body.md5()
    _check(client.put_object(Body=body, ContentMD5=_base64(md5), **wanted), md5)


def _in_parts(
    client: Any, handle: int, parts: list[tuple[int, int]], object_: dict[str, str], headers: dict[str, Any]
) -> None:
    multipart = object_ | {"UploadId": client.create_multipart_upload(**object_, **headers)["UploadId"]}
    pool = ThreadPoolExecutor(AT_A_TIME, "s3-part")
    try:
        sent = list(pool.map(partial(_part, client, handle, multipart), range(1, len(parts) + 1), parts))
        client.complete_multipart_upload(MultipartUpload={"Parts": sent}, **multipart)
    except (BotoCoreError, ClientError):
        pool.shutdown(cancel_futures=True)
        size = sum(length for _, length in parts)
        is_whole = _is_whole(client, object_, size, headers)  # the answer of a complete that went well may get lost
        abort(client, multipart)
        if not is_whole:
            raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        abort(client, multipart)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _part(client: Any, handle: int, multipart: dict[str, str], number: int, part: tuple[int, int]) -> dict[str, Any]:
    body = Stretch(handle, *part)
    md5 = body.md5()
    answer = client.upload_part(Body=body, ContentMD5=_base64(md5), PartNumber=number, **multipart)
    _check(answer, md5)
    return {"PartNumber": number, "ETag": answer["ETag"]}


def _check(answer: dict[str, Any], md5: bytes) -> None:
    """An ETag is the MD5 of what arrived, unless the bucket encrypts with keys of its own."""
    is_encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
    etag = answer["ETag"].strip('"')
    if not is_encrypted and len(etag) == len(md5.hex()) and etag != md5.hex():
        raise StorageTrouble(errors.DAMAGED, f"ETag {etag} for MD5 {md5.hex()}")


def _is_whole(client: Any, object_: dict[str, str], size: int, headers: dict[str, Any]) -> bool:
    try:
        head = client.head_object(**object_)
    except (BotoCoreError, ClientError):  # then it is not known to be
        return False
    return bool(head["ContentLength"] == size and head.get("Metadata") == headers["Metadata"])


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class Stretch(io.RawIOBase):
    """A part of a local file, as a file of its own. Threads share the handle, since none moves it."""

    def __init__(self, handle: int, at: int, length: int) -> None:
        self._handle, self._at, self._length, self._position = handle, at, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        rest = self._length - self._position
        chunk = os.pread(self._handle, rest if size is None or size < 0 else min(size, rest), self._at + self._position)
        self._position += len(chunk)
        return chunk

    def __len__(self) -> int:
        return self._length

    def md5(self) -> bytes:
        digest = hashlib.md5(usedforsecurity=False)
        while chunk := self.read(CHUNK):
            digest.update(chunk)
        self.seek(0)
        return digest.digest()


def copy(client: Any, source: dict[str, str], target: dict[str, str]) -> None:
    """Make a second object with the same bytes and metadata, by the bucket itself: nothing of it comes this way.

    Repeating is harmless. A missing source raises as a GET of it does.
    """
    head = client.head_object(**source)
    if head["ContentLength"] <= MAX_COPIED:
        client.copy_object(CopySource=source, **target)
        return
    _copy_in_parts(client, source, target, head)


def _copy_in_parts(client: Any, source: dict[str, str], target: dict[str, str], head: dict[str, Any]) -> None:
    size = head["ContentLength"]
    about = {"Metadata": head.get("Metadata", {}), "ContentType": head["ContentType"]}
    multipart = target | {"UploadId": client.create_multipart_upload(**target, **about)["UploadId"]}
    try:
        parts = [
            _copy_part(client, source, multipart, number, at, min(at + COPIED_PART, size) - 1, head["ETag"])
            for number, at in enumerate(range(0, size, COPIED_PART), 1)
        ]
        client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **multipart)
    except BaseException:
        abort(client, multipart)
        raise


def _copy_part(
    client: Any, source: dict[str, str], multipart: dict[str, str], number: int, first: int, last: int, etag: str
) -> dict[str, Any]:
    answer = client.upload_part_copy(
        CopySource=source,
        CopySourceRange=f"bytes={first}-{last}",
        CopySourceIfMatch=etag,  # all parts of one and the same
        PartNumber=number,
        **multipart,
    )
    return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}
