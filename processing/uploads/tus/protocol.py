"""tus 1.0.0 as values: headers come in, what they ask for or a refusal goes out. Pure. https://tus.io/protocols/resumable-upload"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from processing.uploads import filenames
from processing.uploads.problems import Refusal, Refused

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}
"""Names and lengths in bytes of the digests that a part may carry."""
CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH_STATUS = 460
MOST_DIGITS = 15
"""A number of more digits is no size of a file, and would not fit the database."""

WRONG_VERSION = Refusal(HTTPStatus.PRECONDITION_FAILED, "tus-version", f"This server speaks tus {VERSION} only.")
WRONG_TYPE = Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type", f"Send the bytes as {CONTENT_TYPE}.")
NOT_A_NUMBER = Refusal(HTTPStatus.BAD_REQUEST, "bad-number", "Lengths and offsets are whole numbers.")
NO_OFFSET = Refusal(HTTPStatus.BAD_REQUEST, "no-offset", "Say in Upload-Offset where these bytes belong.")
BAD_LENGTH = Refusal(HTTPStatus.BAD_REQUEST, "bad-length", "Say either Upload-Length or Upload-Defer-Length: 1.")
BAD_METADATA = Refusal(
    HTTPStatus.BAD_REQUEST, "bad-metadata", "Upload-Metadata is pairs of a key and base64, parted by commas."
)
BAD_CHECKSUM = Refusal(
    HTTPStatus.BAD_REQUEST,
    "bad-checksum",
    f"Upload-Checksum is one of {', '.join(ALGORITHMS)}, and the digest in base64.",
)
OFFSET_MISMATCH = Refusal(HTTPStatus.CONFLICT, "offset-mismatch", "The upload stands elsewhere. Go on from its offset.")
REVOKED = Refusal(HTTPStatus.CONFLICT, "revoked", "Another request took this upload over. Ask for the offset again.")
CHECKSUM_MISMATCH = Refusal(
    CHECKSUM_MISMATCH_STATUS, "checksum-mismatch", "The part was damaged on its way. Send it again."
)


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes

    def fits(self, found: bytes) -> bool:
        return found == self.digest

    def start(self) -> "hashlib._Hash":
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Creation:
    """A new upload: its length in bytes (None: told later), the file's name as its sender has it, and all that he told of it."""

    length: int | None
    name: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes to come: where they belong, and what is told of them. `length` is the whole upload's, told late."""

    offset: int
    length: int | None
    checksum: Checksum | None


def check_version(headers: Mapping[str, str]) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise Refused(WRONG_VERSION)


def creation(headers: Mapping[str, str]) -> Creation:
    length, deferred = _number(headers, "Upload-Length"), headers.get("Upload-Defer-Length")
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise Refused(BAD_LENGTH)
    raw = headers.get("Upload-Metadata", "")
    metadata = _metadata(raw)
    return Creation(length, _name(metadata), raw)


def part(headers: Mapping[str, str]) -> Part:
    check_type(headers)
    offset = _number(headers, "Upload-Offset")
    if offset is None:
        raise Refused(NO_OFFSET)
    return Part(offset, _number(headers, "Upload-Length"), checksum(headers))


def check_type(headers: Mapping[str, str]) -> None:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Refused(WRONG_TYPE)


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    raw = headers.get("Upload-Checksum")
    if raw is None:
        return None
    algorithm, _, encoded = raw.strip().partition(" ")
    digest = _decoded(encoded, BAD_CHECKSUM)
    if len(digest) != ALGORITHMS.get(algorithm.lower()):
        raise Refused(BAD_CHECKSUM)
    return Checksum(algorithm.lower(), digest)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    raw = headers.get(name)
    if raw is None:
        return None
    if not (raw.isascii() and raw.isdigit() and len(raw) <= MOST_DIGITS):
        raise Refused(NOT_A_NUMBER)
    return int(raw)


def _metadata(raw: str) -> dict[str, str]:
    """An empty header is no metadata: tuspy sends one."""
    found: dict[str, str] = {}
    for pair in raw.split(",") if raw.strip() else []:
        key, _, encoded = pair.strip().partition(" ")
        if not (key and key.isascii() and key.isprintable()) or key in found:
            raise Refused(BAD_METADATA)
        found[key] = _decoded(encoded.strip(), BAD_METADATA).decode(errors="replace")
    return found


def _name(metadata: Mapping[str, str]) -> str:
    """With its folders, where the client tells them as Uppy does."""
    return filenames.with_folders(metadata.get("filename") or metadata.get("name", ""), metadata.get("relativePath"))


def _decoded(encoded: str, refusal: Refusal) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(refusal) from None
