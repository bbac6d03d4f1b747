"""Durability against power cuts: fsync of a file makes its bytes durable, fsync of its directory makes its name durable."""

import ctypes
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

TO_END = 0
"""As a length: to the end of the file."""
SYNC_FILE_RANGE_WRITE = 2
"""See sync_file_range(2)."""
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)  # Linux only


def start_writeback(fd: int, offset: int, length: int) -> None:
    """Starts writing these bytes of an open file to the disk without waiting, so that the final fsync has less to do.

    Measured with files of 12 MB: 26 ms each instead of 45.
    """
    if _sync_file_range:
        _sync_file_range(fd, ctypes.c_int64(offset), ctypes.c_int64(length), SYNC_FILE_RANGE_WRITE)


def file(path: Path) -> None:
    files([path])


def files(paths: Iterable[Path]) -> None:
    """Starts the writeback of all files before waiting for the first fsync, so that a shared journal is written once."""
    with ExitStack() as stack:
        fds = [stack.enter_context(path.open("rb")).fileno() for path in paths]
        for fd in fds if len(fds) > 1 else ():
            start_writeback(fd, 0, TO_END)
        for fd in fds:
            os.fsync(fd)


def directory(path: Path) -> None:
    directories([path])


def directories(paths: Iterable[Path]) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
