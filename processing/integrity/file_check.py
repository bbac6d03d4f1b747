"""Checks of stored files against the size and checksum in their rows, one photo or companion at a time."""

import hashlib
import os
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


StoredItem = Photo | Companion
"""A row with files that are read back together, and with the date of the last read-back."""


def files(item: StoredItem) -> Iterator[ExpectedFile]:
    """Yields the expected files of a photo or companion, the original first."""
    return (ExpectedFile(*file) for file in key_columns.files(item))


def problem(file: ExpectedFile, passed: OnBytesRead) -> Finding.Problem | None:
    """Returns the problem of the file; None if there is none. Raises StorageError if the bucket cannot be read."""
    try:
        return None if matches(file.key, file, passed) else Finding.Problem.CORRUPT
    except FileNotFoundError:
        return Finding.Problem.MISSING
    except StorageError:
        raise
    except OSError:  # the disk cannot read it
        return Finding.Problem.CORRUPT


def matches(key: str, expected: ExpectedFile, passed: OnBytesRead) -> bool:
    """True if the file at this key has the expected bytes. A file of another size is not read."""
    if store().size(key) != expected.size:
        return False
    digest = hashlib.sha256()
    with store().open_local(key) as path, path.open("rb") as file:
        _forget_cached(file)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            passed(len(chunk))
    return digest.hexdigest() == expected.sha256


def _forget_cached(file: BufferedReader) -> None:
    """Drops the file from the page cache, so that its bytes are read from the disk.

    posix_fadvise(2) is advisory: it drops pages that are written back and that no process maps.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
