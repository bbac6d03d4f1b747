"""Direct uploads from clients to the bucket: in presigned parts, or as one presigned form. Stateless.

Everything but begin() is safe to repeat. The object exists under its key only once it is complete.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from processing.storage import keys as storage_keys
from processing.storage import storage_errors
from processing.storage.s3 import config
from processing.storage.s3.config import Connection
from processing.storage.storage_errors import StorageError

LIFETIME_SECONDS = 3600
"""Lifetime of signatures. The bucket checks it when a request begins; the request itself may take longer."""
CHUNK = 1 << 20


class UploadGone(Exception):
    """The bucket has no such multipart upload: it was completed, aborted or never begun. Callers check if the object exists."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that the bucket has received."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Form:
    """The URL of a presigned form for one file, and the form's fields other than the file."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unfinished:
    key: str
    multipart_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    size: int
    sha256: str


def begin(key: str) -> str:
    """Creates a multipart upload and returns its id. Each call creates a new one."""
    response = _call("create_multipart_upload", key, ContentType="application/octet-stream")
    return str(response["UploadId"])


def sign(key: str, multipart_id: str, number: int, size: int | None) -> str:
    """Returns a presigned URL for the PUT of a part. If `size` is given, the body must have exactly this many bytes."""
    connection = _connection()
    params: dict[str, Any] = {**_object(connection, key), "UploadId": multipart_id, "PartNumber": number}
    if size is not None:
        params["ContentLength"] = size
    return str(_signer(connection).generate_presigned_url("upload_part", params, ExpiresIn=LIFETIME_SECONDS))


def form(key: str, min_bytes: int, max_bytes: int) -> Form:
    """Returns a presigned form that stores one file of `min_bytes` to `max_bytes` under the key."""
    connection = _connection()
    fields = {"success_action_status": "201"}
    conditions: list[Any] = [fields, ["content-length-range", min_bytes, max_bytes]]
    post = _signer(connection).generate_presigned_post(
        **_object(connection, key), Fields=fields, Conditions=conditions, ExpiresIn=LIFETIME_SECONDS
    )
    return Form(post["url"], post["fields"])


def parts(key: str, multipart_id: str) -> list[StoredPart]:
    """Returns the parts that have arrived completely, ordered by number. Raises Gone."""
    stored_parts: list[StoredPart] = []
    last_number = 0
    while True:
        page = _call("list_parts", key, UploadId=multipart_id, PartNumberMarker=last_number)
        stored_parts += [StoredPart(part["PartNumber"], part["Size"], part["ETag"]) for part in page.get("Parts", [])]
        if not page.get("IsTruncated"):
            return stored_parts
        last_number = page["NextPartNumberMarker"]


def join(key: str, multipart_id: str, stored: Sequence[StoredPart]) -> None:
    """Completes the multipart upload from these parts. Raises Gone, also if it is complete already."""
    etags = [{"PartNumber": part.number, "ETag": part.etag} for part in stored]
    _call("complete_multipart_upload", key, UploadId=multipart_id, MultipartUpload={"Parts": etags})


def abort(key: str, multipart_id: str) -> None:
    """Deletes the parts; presigned URLs of the upload are invalid from then on."""
    try:
        _call("abort_multipart_upload", key, UploadId=multipart_id)
    except UploadGone:
        return


def digest(key: str, on_piece: Callable[[], None]) -> Digest | None:
    """Reads the object once, in constant memory, and returns its size and SHA-256; None if it does not exist."""
    sha256, size = hashlib.sha256(), 0
    try:
        body = _call("get_object", key)["Body"]
    except UploadGone:
        return None
    with storage_errors.translated(key):
        for chunk in body.iter_chunks(CHUNK):
            sha256.update(chunk)
            size += len(chunk)
            on_piece()
    return Digest(size, sha256.hexdigest())


def unfinished() -> Iterator[Unfinished]:
    """Yields every unfinished multipart upload below Darkroom's prefix, begun by any client."""
    connection = _connection()
    with storage_errors.translated():
        paginator = _client(connection).get_paginator("list_multipart_uploads")
        for page in paginator.paginate(Bucket=connection.bucket, Prefix=connection.prefix):
            for upload in page.get("Uploads", []):
                yield Unfinished(
                    storage_keys.BUCKET + connection.key(upload["Key"]), upload["UploadId"], upload["Initiated"]
                )


def _call(method: str, key: str, **params: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    connection = _connection()
    try:
        with storage_errors.translated(key):
            response: dict[str, Any] = getattr(_client(connection), method)(**_object(connection, key), **params)
            return response
    except FileNotFoundError as error:
        raise UploadGone from error
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"].get("Code") == "NoSuchUpload":
            raise UploadGone from error
        raise


def _object(connection: Connection, key: str) -> dict[str, str]:
    return {"Bucket": connection.bucket, "Key": connection.name(storage_keys.bare(key))}


def _connection() -> Connection:
    connection = config.current()
    if connection is None:
        raise StorageError(storage_errors.UNSET)
    return connection


def _client(connection: Connection) -> Any:
    # The import takes a third of a second and memory, so it runs only where there is a bucket.
    from processing.storage.s3 import s3_client

    return s3_client.client(connection)


def _signer(connection: Connection) -> Any:
    from processing.storage.s3 import s3_client

    return s3_client.for_browsers(connection, signs=True)
