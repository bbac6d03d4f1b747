"""Maps exceptions to the pipeline's errors: permanent ones of the file, or temporary ones of the machine."""

from __future__ import annotations

import errno
import mmap
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from processing.pipeline import errors

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UNREADABLE_ERRNOS = {errno.EIO, errno.ENOENT, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EMFILE, errno.EISDIR}


@contextmanager
def machine_errors() -> Iterator[None]:
    """Converts errors of memory, disk and permissions to temporary errors; a later attempt may succeed. Others pass unchanged."""
    try:
        yield
    except MemoryError as error:
        raise errors.OutOfMemory from error
    except (OSError, ValueError) as error:
        if machine_error := _machine_error(error):
            raise machine_error from error
        raise


@contextmanager
def file_errors(memory: int = 0) -> Iterator[None]:
    """Wraps a decoder: any exception means that the file is damaged, because decoders raise arbitrary ones for damaged files.

    But libjpeg and libheif also report damage if an allocation fails. `memory` is the number of bytes that such a decoder needs:
    if the kernel does not grant them now, OutOfMemory is raised instead.
    """
    try:
        with machine_errors():
            yield
    except errors.ImageRejected:
        raise
    except Exception as error:
        raise _file_error(error, memory) from error


def _machine_error(error: Exception) -> errors.ImageRejected | None:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOMEM or "out of memory" in str(error).lower():
        return errors.OutOfMemory()
    if number in DISK_FULL_ERRNOS:
        return errors.DiskFull()
    return errors.Unreadable() if number in UNREADABLE_ERRNOS else None


def _file_error(error: Exception, memory: int) -> errors.ImageRejected:
    if memory and not _can_allocate(memory):
        return errors.OutOfMemory()
    message = str(error).lower()
    if isinstance(error, Image.DecompressionBombError) or "too large" in message or "too much memory" in message:
        return errors.DecompressionBomb()
    return errors.Truncated() if "truncated" in message else errors.Broken()


def _can_allocate(needed: int) -> bool:
    try:
        mmap.mmap(-1, needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, MemoryError):
        return False
    return True
