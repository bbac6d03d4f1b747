"""Files against their rows, one photo at a time: is each there, whole, and byte for byte what was received or rendered?"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader

from albums.models import Companion, Photo
from processing.models import Finding, ProcessingJob
from processing.storage import store
from processing.storage.errors import StorageTrouble

CHUNK = 1 << 20

Passed = Callable[[int], None]
"""Told of every stretch of bytes that was read. May raise to end the reading."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row says of its file."""

    key: str
    size: int
    sha256: str


Kept = Photo | Companion
"""What is read back by itself, and has a date for it."""


def of(kept: Kept) -> Iterator[Wanted]:
    if isinstance(kept, Photo):
        yield from of_photo(kept)
    else:
        yield Wanted(kept.key, kept.bytes, kept.sha256)


def of_photo(photo: Photo) -> Iterator[Wanted]:
    """The original, then the renditions."""
    yield Wanted(photo.original_key, photo.original_bytes, photo.original_sha256)
    for rendition in photo.renditions.all():
        yield Wanted(rendition.key, rendition.bytes, rendition.sha256)


def of_raw(job: ProcessingJob) -> Wanted:
    return Wanted(job.raw_path, job.upload.size or 0, job.upload.sha256)


def trouble(wanted: Wanted, passed: Passed) -> Finding.Trouble | None:
    """What is wrong with the file; None if nothing is. Raises StorageTrouble when the bucket does not let it be read."""
    try:
        return None if is_good_at(wanted.key, wanted, passed) else Finding.Trouble.CORRUPT
    except FileNotFoundError:
        return Finding.Trouble.MISSING
    except StorageTrouble:
        raise
    except OSError:  # the disk cannot read it
        return Finding.Trouble.CORRUPT


def is_good_at(key: str, wanted: Wanted, passed: Passed) -> bool:
    """Are the wanted bytes at this key? Whoever lies about its size is not even read."""
    if store().size(key) != wanted.size:
        return False
    digest = hashlib.sha256()
    with store().borrow(key) as path, path.open("rb") as file:
        _forget_cached(file)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            passed(len(chunk))
    return digest.hexdigest() == wanted.sha256


def _forget_cached(file: BufferedReader) -> None:
    """Have the system drop what it holds of the file in memory, so that its bytes come from the disk, or whatever stands for one.

    posix_fadvise(2): a wish, granted for pages that are written and that no other process maps.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
