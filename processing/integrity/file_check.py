"""Checks of stored files against the size and checksum in their rows, one photo or companion at a time."""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader

from albums import key_columns
from albums.models import Companion, Photo
from processing.models import Finding
from processing.storage import store
from processing.storage.storage_errors import StorageError

CHUNK = 1 << 20

OnBytesRead = Callable[[int], None]
"""Callback with the size of each chunk that was read. May raise an exception to stop reading."""


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """Key, size and checksum of a file according to its row."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What reading a file found: a problem, or else the CRC-32 of its bytes, whose SHA-256 is that of the row."""

    problem: Finding.Problem | None = None
    crc32: int | None = None


StoredItem = Photo | Companion
"""A row with files that are read back together, and with the date of the last read-back."""


def files(item: StoredItem) -> Iterator[ExpectedFile]:
    """Yields the expected files of a photo or companion, the original first."""
    return (ExpectedFile(*file) for file in key_columns.files(item))


def problem(file: ExpectedFile, passed: OnBytesRead) -> Finding.Problem | None:
    """Returns the problem of the file; None if there is none. Raises StorageError if the bucket cannot be read."""
    return check(file, passed).problem


def check(file: ExpectedFile, passed: OnBytesRead) -> CheckedFile:
    """Reads the file. Raises StorageError if the bucket cannot be read."""
    try:
        crc32 = _crc32_if_intact(file.key, file, passed)
    except FileNotFoundError:
        return CheckedFile(Finding.Problem.MISSING)
    except StorageError:
        raise
    except OSError:  # the disk cannot read it
        return CheckedFile(Finding.Problem.CORRUPT)
    return CheckedFile(Finding.Problem.CORRUPT if crc32 is None else None, crc32)


def matches(key: str, expected: ExpectedFile, passed: OnBytesRead) -> bool:
    """True if the file at this key has the expected bytes. A file of another size is not read."""
    return _crc32_if_intact(key, expected, passed) is not None


def _crc32_if_intact(key: str, expected: ExpectedFile, passed: OnBytesRead) -> int | None:
    """Returns the CRC-32 of the file at this key; None if it does not have the expected bytes."""
    if store().size(key) != expected.size:
        return None
    digest, crc32 = hashlib.sha256(), 0
    with store().open_local(key) as path, path.open("rb") as file:
        _forget_cached(file)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            passed(len(chunk))
    return crc32 if digest.hexdigest() == expected.sha256 else None


def _forget_cached(file: BufferedReader) -> None:
    """Drops the file from the page cache, so that its bytes are read from the disk.

    posix_fadvise(2) is advisory: it drops pages that are written back and that no process maps.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
