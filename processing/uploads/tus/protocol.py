"""Parses the headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), and defines its errors. No I/O."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from processing.uploads import filenames
from processing.uploads.problems import HttpProblem, Problem

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}
"""The accepted checksum algorithms, with the digest length in bytes."""
CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH_STATUS = 460
MAX_DIGITS = 15
"""Longer numbers are no file sizes and do not fit into the database column."""

WRONG_VERSION = Problem(HTTPStatus.PRECONDITION_FAILED, "tus-version", f"This server supports tus {VERSION} only.")
WRONG_TYPE = Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type", f"Set Content-Type to {CONTENT_TYPE}.")
NOT_A_NUMBER = Problem(HTTPStatus.BAD_REQUEST, "bad-number", "Lengths and offsets must be whole numbers.")
NO_OFFSET = Problem(HTTPStatus.BAD_REQUEST, "no-offset", "Set Upload-Offset.")
BAD_LENGTH = Problem(HTTPStatus.BAD_REQUEST, "bad-length", "Set either Upload-Length or Upload-Defer-Length: 1.")
BAD_METADATA = Problem(
    HTTPStatus.BAD_REQUEST,
    "bad-metadata",
    "Upload-Metadata must be pairs of a key and a base64 value, separated by commas.",
)
BAD_CHECKSUM = Problem(
    HTTPStatus.BAD_REQUEST,
    "bad-checksum",
    f"Upload-Checksum must be one of {', '.join(ALGORITHMS)}, and the digest in base64.",
)
OFFSET_MISMATCH = Problem(HTTPStatus.CONFLICT, "offset-mismatch", "Wrong offset. Resume from the current one.")
REVOKED = Problem(HTTPStatus.CONFLICT, "revoked", "Another request took over this upload. Fetch the offset again.")
CHECKSUM_MISMATCH = Problem(
    CHECKSUM_MISMATCH_STATUS, "checksum-mismatch", "The chunk was damaged in transit. Send it again."
)


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes

    def matches(self, digest: bytes) -> bool:
        return digest == self.digest

    def start(self) -> "hashlib._Hash":
        return hashlib.new(self.algorithm, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Creation:
    """A new upload: its length in bytes (None if deferred), the file name from the client, and the Upload-Metadata header."""

    length: int | None
    name: str
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class PartHeaders:
    """The headers of a request with bytes of an upload. `length` is the length of the upload if it was deferred."""

    offset: int
    length: int | None
    checksum: Checksum | None


def check_version(headers: Mapping[str, str]) -> None:
    if headers.get("Tus-Resumable") != VERSION:
        raise HttpProblem(WRONG_VERSION)


def creation(headers: Mapping[str, str]) -> Creation:
    length, deferred = _parse_number(headers, "Upload-Length"), headers.get("Upload-Defer-Length")
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise HttpProblem(BAD_LENGTH)
    header = headers.get("Upload-Metadata", "")
    metadata = _parse_metadata(header)
    return Creation(length, _file_name(metadata), header)


def part(headers: Mapping[str, str]) -> PartHeaders:
    check_type(headers)
    offset = _parse_number(headers, "Upload-Offset")
    if offset is None:
        raise HttpProblem(NO_OFFSET)
    return PartHeaders(offset, _parse_number(headers, "Upload-Length"), checksum(headers))


def check_type(headers: Mapping[str, str]) -> None:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise HttpProblem(WRONG_TYPE)


def checksum(headers: Mapping[str, str]) -> Checksum | None:
    header = headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    digest = _decode_base64(encoded, BAD_CHECKSUM)
    if len(digest) != ALGORITHMS.get(algorithm.lower()):
        raise HttpProblem(BAD_CHECKSUM)
    return Checksum(algorithm.lower(), digest)


def _parse_number(headers: Mapping[str, str], name: str) -> int | None:
    header = headers.get(name)
    if header is None:
        return None
    if not (header.isascii() and header.isdigit() and len(header) <= MAX_DIGITS):
        raise HttpProblem(NOT_A_NUMBER)
    return int(header)


def _parse_metadata(header: str) -> dict[str, str]:
    """Returns the pairs of Upload-Metadata. The header may be empty, as sent by tuspy. Raises HttpProblem."""
    metadata: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, encoded = pair.strip().partition(" ")
        if not (key and key.isascii() and key.isprintable()) or key in metadata:
            raise HttpProblem(BAD_METADATA)
        metadata[key] = _decode_base64(encoded.strip(), BAD_METADATA).decode(errors="replace")
    return metadata


def _file_name(metadata: Mapping[str, str]) -> str:
    """Returns the file name, with its folders if the client sends them like Uppy does (relativePath)."""
    return filenames.with_folders(metadata.get("filename") or metadata.get("name", ""), metadata.get("relativePath"))


def _decode_base64(encoded: str, problem: Problem) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise HttpProblem(problem) from None
