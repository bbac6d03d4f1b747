"""Whose fault is an error: the file's, for good, or the machine's, for now?"""

from __future__ import annotations

import errno
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from processing.pipeline import errors

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNREADABLE = {errno.EIO, errno.ENOENT, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EMFILE, errno.EISDIR}


@contextmanager
def of_the_machine() -> Iterator[None]:
    """Memory, disk and permissions become refusals that a later attempt may not meet; other errors pass."""
    try:
        yield
    except MemoryError as error:
        raise errors.OutOfMemory from error
    except (OSError, ValueError) as error:
        if refusal := _machine(error):
            raise refusal from error
        raise


@contextmanager
def of_the_file(memory: int = 0) -> Iterator[None]:
    """Around a decoder: they raise whatever a damaged file led them to, so any error means damage.

    Except that libjpeg and libheif call it damage when they get no memory: where that is possible, `memory`
    is what they need, and the kernel is asked whether they could have it.
    """
    try:
        with of_the_machine():
            yield
    except errors.Refused:
        raise
    except Exception as error:
        raise _refusal(error, memory) from error


def _machine(error: Exception) -> errors.Refused | None:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOMEM or "out of memory" in str(error).lower():
        return errors.OutOfMemory()
    if number in FULL:
        return errors.DiskFull()
    return errors.Unreadable() if number in UNREADABLE else None


def _refusal(error: Exception, memory: int) -> errors.Refused:
    if memory and not _has_room(memory):
        return errors.OutOfMemory()
    words = str(error).lower()
    if isinstance(error, Image.DecompressionBombError) or "too large" in words or "too much memory" in words:
        return errors.Bomb()
    return errors.Truncated() if "truncated" in words else errors.Broken()


def _has_room(needed: int) -> bool:
    try:
        mmap.mmap(-1, needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True
