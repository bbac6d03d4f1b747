"""Uploads a local file to the bucket: in one request or, if it is large, in parallel parts. The MD5 of each is checked.

Parts are not held in memory: each is read from the disk twice, for its checksum and for the upload. Objects are copied by the
bucket itself.
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

from processing.storage import storage_errors
from processing.storage.s3 import s3_client
from processing.storage.s3.config import Connection
from processing.storage.storage_errors import StorageError

PART_BYTES = 8 << 20
MAX_PARTS = 10_000
"""S3's limit."""
MAX_COPY_BYTES = 5 << 30
"""Bytes that S3 copies in one request."""
COPY_PART_BYTES = 1 << 30
MAX_PARALLEL_PARTS = 4
CHUNK = 1 << 20
SHA256 = "sha256"
"""The metadata key of the object's checksum, which downloads are verified against."""


def send(
    connection: Connection, path: Path, key: str, *, part: int = PART_BYTES, whole: int = 2 * PART_BYTES, **headers: str
) -> None:
    """Uploads the file as this object; when this returns, the bucket has all of it. Repeating is harmless.

    `whole`: the maximum number of bytes for one request; larger files are uploaded in parts of at least `part` bytes.
    """
    with path.open("rb") as file, storage_errors.translated(key):
        size = os.fstat(file.fileno()).st_size
        object_params = {"Bucket": connection.bucket, "Key": connection.name(key)}
        headers |= {"Metadata": {SHA256: hashlib.file_digest(file, "sha256").hexdigest()}}  # type: ignore[dict-item]
        client = s3_client.client(connection)
        if size <= whole:
            _upload_whole(client, FileRange(file.fileno(), 0, size), object_params | headers)
        else:
            _upload_parts(client, file.fileno(), part_ranges(size, part), object_params, headers)


def abort(client: Any, multipart: dict[str, str]) -> None:
    """Aborts a multipart upload. Errors are ignored: the sweep and the bucket's lifecycle rule delete the remaining parts."""
    with suppress(BotoCoreError, ClientError):
        client.abort_multipart_upload(**multipart)


def part_ranges(size: int, part: int = PART_BYTES) -> list[tuple[int, int]]:
    """Returns the offset and the length of each part. All parts but the last have the same length."""
    part = max(part, -(-size // MAX_PARTS))
    return [(offset, min(part, size - offset)) for offset in range(0, size, part)]


def _upload_whole(client: Any, body: "FileRange", params: dict[str, Any]) -> None:
    md5 = body.md5()
    _check(client.put_object(Body=body, ContentMD5=_base64(md5), **params), md5)


def _upload_parts(
    client: Any, fd: int, parts: list[tuple[int, int]], object_params: dict[str, str], headers: dict[str, Any]
) -> None:
    multipart = object_params | {"UploadId": client.create_multipart_upload(**object_params, **headers)["UploadId"]}
    pool = ThreadPoolExecutor(MAX_PARALLEL_PARTS, "s3-part")
    try:
        etags = list(pool.map(partial(_upload_part, client, fd, multipart), range(1, len(parts) + 1), parts))
        client.complete_multipart_upload(MultipartUpload={"Parts": etags}, **multipart)
    except (BotoCoreError, ClientError):
        pool.shutdown(cancel_futures=True)
        size = sum(length for _, length in parts)
        # The response to a successful complete_multipart_upload may have been lost.
        is_whole = _is_whole(client, object_params, size, headers)
        abort(client, multipart)
        if not is_whole:
            raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        abort(client, multipart)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _upload_part(client: Any, fd: int, multipart: dict[str, str], number: int, part: tuple[int, int]) -> dict[str, Any]:
    body = FileRange(fd, *part)
    md5 = body.md5()
    response = client.upload_part(Body=body, ContentMD5=_base64(md5), PartNumber=number, **multipart)
    _check(response, md5)
    return {"PartNumber": number, "ETag": response["ETag"]}


def _check(response: dict[str, Any], md5: bytes) -> None:
    """Compares the ETag with the MD5, which it is unless the bucket encrypts with its own keys. Raises StorageError."""
    is_encrypted = response.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in response
    etag = response["ETag"].strip('"')
    if not is_encrypted and len(etag) == len(md5.hex()) and etag != md5.hex():
        raise StorageError(storage_errors.DAMAGED, f"ETag {etag} for MD5 {md5.hex()}")


def _is_whole(client: Any, object_params: dict[str, str], size: int, headers: dict[str, Any]) -> bool:
    try:
        head = client.head_object(**object_params)
    except (BotoCoreError, ClientError):  # not known to be complete
        return False
    return bool(head["ContentLength"] == size and head.get("Metadata") == headers["Metadata"])


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class FileRange(io.RawIOBase):
    """A file object for a range of a local file. Threads share the descriptor, because pread() does not move its position."""

    def __init__(self, fd: int, start: int, length: int) -> None:
        self._fd, self._start, self._length, self._position = fd, start, length, 0

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
        remaining = self._length - self._position
        chunk = os.pread(
            self._fd, remaining if size is None or size < 0 else min(size, remaining), self._start + self._position
        )
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
    """Makes the bucket copy an object with its metadata, without downloading it.

    Repeating is harmless. A missing source raises the same error as a GET.
    """
    head = client.head_object(**source)
    if head["ContentLength"] <= MAX_COPY_BYTES:
        client.copy_object(CopySource=source, **target)
        return
    _copy_in_parts(client, source, target, head)


def _copy_in_parts(client: Any, source: dict[str, str], target: dict[str, str], head: dict[str, Any]) -> None:
    size = head["ContentLength"]
    object_attributes = {"Metadata": head.get("Metadata", {}), "ContentType": head["ContentType"]}
    multipart = target | {"UploadId": client.create_multipart_upload(**target, **object_attributes)["UploadId"]}
    try:
        parts = [
            _copy_part(client, source, multipart, number, offset, min(offset + COPY_PART_BYTES, size) - 1, head["ETag"])
            for number, offset in enumerate(range(0, size, COPY_PART_BYTES), 1)
        ]
        client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **multipart)
    except BaseException:
        abort(client, multipart)
        raise


def _copy_part(
    client: Any,
    source: dict[str, str],
    multipart: dict[str, str],
    number: int,
    first_byte: int,
    last_byte: int,
    etag: str,
) -> dict[str, Any]:
    response = client.upload_part_copy(
        CopySource=source,
        CopySourceRange=f"bytes={first_byte}-{last_byte}",
        CopySourceIfMatch=etag,  # all parts from the same version of the object
        PartNumber=number,
        **multipart,
    )
    return {"PartNumber": number, "ETag": response["CopyPartResult"]["ETag"]}
