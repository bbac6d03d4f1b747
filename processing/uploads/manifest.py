"""Parses the JSON manifest that declares the files of a batch. No I/O."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from processing.uploads import filenames

MAX_FILES = 2000
MAX_BYTES = 4 << 20
MAX_MILLISECONDS = 253_402_300_799_000
"""The end of the year 9999, the maximum of datetime."""
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")
MAX_SIZE = 10**15
"""Larger numbers are no file sizes and do not fit into the database column."""


class Choice(StrEnum):
    """What a user decided about a file whose bytes are in the trash or in another album."""

    UNDECIDED = ""
    UPLOAD = "upload"
    COPY = "copy"
    SKIP = "skip"
    RESTORE = "restore"


class BadManifest(Exception):
    """The manifest is invalid. The message, for the author of a client, says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A file that the client declares. Unknown values are empty. `raw_name` may begin with folders."""

    raw_name: str
    size: int
    modified_at: datetime | None = None
    sha256: str = ""
    upload: uuid.UUID | None = None
    """The upload that an earlier response assigned to the file."""
    choice: Choice = Choice.UNDECIDED

    @property
    def name(self) -> str:
        return filenames.displayed(self.raw_name)

    @property
    def folder(self) -> str:
        return filenames.folder(self.raw_name)


@dataclass(frozen=True, slots=True)
class Manifest:
    files: tuple[Declared, ...]
    opens: bool
    """If False, the files are only compared and no batch is opened."""
    skipped: tuple[Declared, ...] = ()
    """Files in the chosen folders that the client does not send."""
    asks: bool = False
    """True if the client asks its user about files that are in the trash or in other albums, before they are sent."""


def read(body: bytes) -> Manifest:
    """Returns the parsed manifest. Raises BadManifest."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise BadManifest("The body is not valid JSON.") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("files"), list):
        raise BadManifest('Send {"open": true, "files": [{"name": …, "size": …}, …]}.')
    skipped = payload.get("skipped", [])
    if not isinstance(skipped, list):
        raise BadManifest("skipped is a list of files, as files is.")
    if max(len(payload["files"]), len(skipped)) > MAX_FILES:
        raise BadManifest(f"A manifest can list at most {MAX_FILES} files.")
    return Manifest(
        tuple(map(_declared, payload["files"])),
        opens=payload.get("open") is True,
        skipped=tuple(map(_declared, skipped)),
        asks=payload.get("asks") is True,
    )


def checksum(value: Any) -> str:
    """Returns the SHA-256 in lower case, "" if there is none. Raises BadManifest."""
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not SHA256_PATTERN.fullmatch(value.lower()):
        raise BadManifest("sha256 is 64 hexadecimal digits.")
    return value.lower()


def _declared(file: Any) -> Declared:
    if not isinstance(file, dict):
        raise BadManifest("Each file must be an object with name and size.")
    name, size = file.get("name"), file.get("size")
    if not isinstance(name, str) or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < MAX_SIZE:
        raise BadManifest("Each file needs a name, and a size in bytes.")
    return Declared(
        name,
        size,
        modified_at=_date(file.get("modified")),
        sha256=checksum(file.get("sha256")),
        upload=_id(file.get("upload")),
        choice=_choice(file.get("choice", "")),
    )


def _choice(value: Any) -> Choice:
    """Returns the choice. Raises BadManifest."""
    try:
        return Choice(value)
    except ValueError:
        raise BadManifest("choice is upload, copy, skip or restore.") from None


def _date(milliseconds: Any) -> datetime | None:
    """Returns the time of milliseconds since 1970, as in File.lastModified. None if it is invalid or out of range."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    if not 0 <= milliseconds <= MAX_MILLISECONDS:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _id(value: Any) -> uuid.UUID | None:
    """Returns the upload id in `value`, an id or the URL from a response. None if it is neither."""
    if not isinstance(value, str):
        return None
    try:
        return uuid.UUID(value.rstrip("/").rpartition("/")[2])
    except ValueError:
        return None
