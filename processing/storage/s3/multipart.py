"""Files that go to the bucket without passing through here: in signed parts, or as one signed form. Nothing is remembered here.

Everything but begin() is safe to repeat. The key says where a file will lie once it is whole; while it is not, there is nothing.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from processing.storage import errors
from processing.storage import keys as storage_keys
from processing.storage.errors import StorageTrouble
from processing.storage.s3 import config
from processing.storage.s3.config import Connection

LIFETIME_SECONDS = 3600
"""Of what is signed. The bucket looks at it when a request begins, however long that takes then."""
PIECE = 1 << 20


class Gone(Exception):
    """The bucket knows no such upload: its parts were joined, or thrown away, or it was never begun. Look at the file."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One part, as the bucket has it."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Form:
    """Where a form that holds one file is posted, and its fields but for the file."""

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
    """What the bucket calls the upload from now on. Another each time."""
    told = _ask("create_multipart_upload", key, ContentType="application/octet-stream")
    return str(told["UploadId"])


def sign(key: str, multipart_id: str, number: int, size: int | None) -> str:
    """Where the part's bytes are PUT, by whoever has the address: exactly `size` of them, if that is told."""
    there = _connection()
    about: dict[str, Any] = {**_named(there, key), "UploadId": multipart_id, "PartNumber": number}
    if size is not None:
        about["ContentLength"] = size
    return str(_signer(there).generate_presigned_url("upload_part", about, ExpiresIn=LIFETIME_SECONDS))


def form(key: str, least: int, most: int) -> Form:
    """A form that puts one file of so many bytes there."""
    there = _connection()
    fields = {"success_action_status": "201"}
    conditions: list[Any] = [fields, ["content-length-range", least, most]]
    told = _signer(there).generate_presigned_post(
        **_named(there, key), Fields=fields, Conditions=conditions, ExpiresIn=LIFETIME_SECONDS
    )
    return Form(told["url"], told["fields"])


def parts(key: str, multipart_id: str) -> list[Stored]:
    """Those that have arrived whole, by number. Raises Gone."""
    found: list[Stored] = []
    after = 0
    while True:
        page = _ask("list_parts", key, UploadId=multipart_id, PartNumberMarker=after)
        found += [Stored(part["PartNumber"], part["Size"], part["ETag"]) for part in page.get("Parts", [])]
        if not page.get("IsTruncated"):
            return found
        after = page["NextPartNumberMarker"]


def join(key: str, multipart_id: str, stored: Sequence[Stored]) -> None:
    """Make one file of them. Raises Gone when that was done already, too."""
    told = [{"PartNumber": part.number, "ETag": part.etag} for part in stored]
    _ask("complete_multipart_upload", key, UploadId=multipart_id, MultipartUpload={"Parts": told})


def abort(key: str, multipart_id: str) -> None:
    """Throw its parts away; what is signed is worth nothing from then on."""
    try:
        _ask("abort_multipart_upload", key, UploadId=multipart_id)
    except Gone:
        return


def digest(key: str, on_piece: Callable[[], None]) -> Digest | None:
    """Read the file once, in constant memory, and tell its size and SHA-256; None when there is none."""
    sha256, size = hashlib.sha256(), 0
    try:
        body = _ask("get_object", key)["Body"]
    except Gone:
        return None
    with errors.told(key):
        for piece in body.iter_chunks(PIECE):
            sha256.update(piece)
            size += len(piece)
            on_piece()
    return Digest(size, sha256.hexdigest())


def unfinished() -> Iterator[Unfinished]:
    """Every upload in parts that has begun in our part of the bucket, whoever began it."""
    there = _connection()
    with errors.told():
        for page in (
            _client(there).get_paginator("list_multipart_uploads").paginate(Bucket=there.bucket, Prefix=there.prefix)
        ):
            for each in page.get("Uploads", []):
                yield Unfinished(storage_keys.BUCKET + there.key(each["Key"]), each["UploadId"], each["Initiated"])


def _ask(verb: str, key: str, **about: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    there = _connection()
    try:
        with errors.told(key):
            answer: dict[str, Any] = getattr(_client(there), verb)(**_named(there, key), **about)
            return answer
    except FileNotFoundError as error:
        raise Gone from error
    except StorageTrouble as error:
        said = error.__cause__
        if isinstance(said, ClientError) and said.response["Error"].get("Code") == "NoSuchUpload":
            raise Gone from error
        raise


def _named(there: Connection, key: str) -> dict[str, str]:
    return {"Bucket": there.bucket, "Key": there.name(storage_keys.bare(key))}


def _connection() -> Connection:
    there = config.current()
    if there is None:
        raise StorageTrouble(errors.UNSET)
    return there


def _client(there: Connection) -> Any:
    from processing.storage.s3 import client  # takes a third of a second, and memory: only for who has one

    return client.client(there)


@lru_cache(maxsize=8)
def _signer(there: Connection) -> Any:
    """Signs for the address by which browsers reach the bucket. Asks nobody."""
    from processing.storage.s3 import client as s3_client

    endpoint = there.browser_endpoint or there.endpoint or None
    return s3_client.session(there).client("s3", endpoint_url=endpoint, config=s3_client.configuration(there))
