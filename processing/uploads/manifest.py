"""A batch declared up front: JSON comes in, files or a refusal go out. Pure."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from processing.uploads import filenames

MOST_FILES = 2000
MOST_BYTES = 4 << 20
MOST_MILLISECONDS = 253_402_300_799_000
"""The end of the year 9999: what a date can hold."""
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_SIZE = 10**15
"""More is no size of a file, and would not fit the database."""


class BadManifest(Exception):
    """It cannot be understood. The message says what is wrong, for the author of a client."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A file that its sender wants to send. What is not known yet is empty. `raw_name` may begin with folders."""

    raw_name: str
    size: int
    modified_at: datetime | None = None
    sha256: str = ""
    upload: uuid.UUID | None = None
    """The upload that an earlier answer named for it."""

    @property
    def name(self) -> str:
        return filenames.shown(self.raw_name)

    @property
    def folder(self) -> str:
        return filenames.folder(self.raw_name)


@dataclass(frozen=True, slots=True)
class Manifest:
    files: tuple[Declared, ...]
    opens: bool
    """False: only compare, open nothing."""
    skipped: tuple[Declared, ...] = ()
    """Files that lay in the folders that are sent, and are not sent."""


def read(body: bytes) -> Manifest:
    """Raises BadManifest."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BadManifest("The body is no JSON.") from None
    if not isinstance(told, dict) or not isinstance(told.get("files"), list):
        raise BadManifest('Send {"open": true, "files": [{"name": …, "size": …}, …]}.')
    skipped = told.get("skipped", [])
    if not isinstance(skipped, list):
        raise BadManifest("skipped is a list of files, as files is.")
    if max(len(told["files"]), len(skipped)) > MOST_FILES:
        raise BadManifest(f"One manifest lists {MOST_FILES} files at most.")
    return Manifest(tuple(map(_declared, told["files"])), told.get("open") is True, tuple(map(_declared, skipped)))


def checksum(told: Any) -> str:
    """In small letters; empty where none is told. Raises BadManifest."""
    if told in (None, ""):
        return ""
    if not isinstance(told, str) or not SHA256.fullmatch(told.lower()):
        raise BadManifest("sha256 is 64 hexadecimal digits.")
    return told.lower()


def _declared(file: Any) -> Declared:
    if not isinstance(file, dict):
        raise BadManifest("Each file is an object with name and size.")
    name, size = file.get("name"), file.get("size")
    if not isinstance(name, str) or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < MOST_SIZE:
        raise BadManifest("Each file has a name, and a size in bytes.")
    return Declared(name, size, _date(file.get("modified")), checksum(file.get("sha256")), _id(file.get("upload")))


def _date(milliseconds: Any) -> datetime | None:
    """Since 1970, as File.lastModified tells it. One that no file can have is none."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    if not 0 <= milliseconds <= MOST_MILLISECONDS:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _id(told: Any) -> uuid.UUID | None:
    """An id, or the address that an answer gave. What is neither is none: its file is matched by name and size."""
    if not isinstance(told, str):
        return None
    try:
        return uuid.UUID(told.rstrip("/").rpartition("/")[2])
    except ValueError:
        return None
