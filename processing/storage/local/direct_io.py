"""Appends to local files, bypassing the page cache (O_DIRECT) for large chunks.

Smaller writes go through the page cache; its writeback is started each time MIN_DIRECT_BYTES have accumulated.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from processing.storage.base import BLOCK_BYTES, MIN_DIRECT_BYTES
from processing.storage.local import fsync

O_DIRECT: int = getattr(os, "O_DIRECT", 0)  # Linux only, like O_TMPFILE
O_TMPFILE: int = getattr(os, "O_TMPFILE", 0)
CLOSED = -1


def open_anonymous(directory: Path) -> "AppendFile | None":
    """An anonymous file (O_TMPFILE), deleted on close unless it was named before; None where the file system has none."""
    try:
        return AppendFile(directory, O_TMPFILE | os.O_RDWR) if O_TMPFILE else None
    except OSError:
        return None


class AppendFile:
    """A file opened for appending. Large chunks bypass the page cache, which would cost a copy, evict other data, and postpone
    the wait for the disk until the end. Measured: 1,450 MiB/s instead of 1,000, including hashing.
    """

    def __init__(self, path: Path, flags: int = os.O_WRONLY | os.O_CREAT) -> None:
        """Raises OSError; `flags` are open(2)'s."""
        self._fd = os.open(path, flags | os.O_APPEND, 0o666)
        self._is_direct, self._may_be_direct = False, bool(O_DIRECT)
        self._size = self._written_back = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        return self._size

    def append(self, chunk: memoryview) -> None:
        """Appends the chunk. Raises OSError; bytes that were written before remain."""
        for part, is_direct in self._split_for_direct_io(chunk):
            self._write(part, is_direct=is_direct)

    def close(self) -> None:
        if self._fd != CLOSED:
            os.close(self._fd)
        self._fd = CLOSED

    __del__ = close

    def read_back(self) -> Iterator[memoryview]:
        """Yields the bytes of an anonymous file from the start."""
        self._set_direct(is_direct=False)
        offset = 0
        while chunk := os.pread(self._fd, MIN_DIRECT_BYTES, offset):
            yield memoryview(chunk)
            offset += len(chunk)

    def name(self, path: Path) -> None:
        """Gives an anonymous file this path. Raises OSError if the file system or a missing /proc does not allow it."""
        own_path = f"/proc/self/fd/{self._fd}"
        # Python follows the link in /proc only if src_dir_fd is given; an absolute path ignores its value.
        os.link(own_path, path, src_dir_fd=self._fd, follow_symlinks=True)

    def _split_for_direct_io(self, chunk: memoryview) -> Iterator[tuple[memoryview, bool]]:
        """Splits a chunk into the range that can be written directly and the partial blocks before and after it."""
        start = -self._size % BLOCK_BYTES
        end = start + (len(chunk) - start) // BLOCK_BYTES * BLOCK_BYTES
        if not self._may_be_direct or end - start < MIN_DIRECT_BYTES:
            start = end = len(chunk)
        yield chunk[:start], False
        yield chunk[start:end], True
        yield chunk[end:], False

    def _write(self, part: memoryview, *, is_direct: bool) -> None:
        while part:
            try:
                self._set_direct(is_direct=is_direct)
                count = os.write(self._fd, part)
            except OSError as error:
                if not is_direct or error.errno != errno.EINVAL:
                    raise
                # The file system does not support direct writes, or this buffer is not aligned.
                is_direct = self._may_be_direct = False
                continue
            self._size += count
            part = part[count:]
        if not is_direct and self._size - self._written_back >= MIN_DIRECT_BYTES:
            fsync.start_writeback(self._fd, self._written_back, self._size - self._written_back)
            self._written_back = self._size

    def _set_direct(self, *, is_direct: bool) -> None:
        if is_direct != self._is_direct:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, os.O_APPEND | (O_DIRECT if is_direct else 0))
            self._is_direct = is_direct
