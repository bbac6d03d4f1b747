"""Partial files on the local disk that are appended to by several requests, with a fence that admits one writer at a time."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from processing.storage.base import AnonymousFile, WriterFenced
from processing.storage.keys import DRAFT, FENCE
from processing.storage.local import direct_io, fsync
from processing.storage.local.direct_io import AppendFile

TOKEN_BYTES, OFFSET_BYTES = 16, 8
CLOSED = -1
NONE_UNVERIFIED = 1 << 62
"""Larger than any file: no bytes are unverified."""


class LocalPartialFile:
    """A partial file with a fence file, which contains the fence token of the last writer and is locked during each write.

    flock(2) is released when its process ends, and is never held while waiting for the network. Both files stay open between
    writes: a fence file that was deleted meanwhile has a link count of 0, and its writer may not write any more.

    The token may be followed by an offset. Bytes of the partial file from this offset on are unverified and do not count. The
    offset is written durably before the first such byte, so that even a power cut does not make them count, and is removed
    durably before they are acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft_path = path.with_name(path.name + DRAFT)
        self._fence_path = path.with_name(path.name + FENCE)
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._fence = CLOSED
        self._draft: AppendFile | None = None

    def fence(self) -> int:
        self.close()
        self._fence = os.open(self._fence_path, os.O_RDWR | os.O_CREAT, 0o600)
        with self._locked():
            os.pwrite(self._fence, self._token, 0)
            self._truncate_unverified()
            return self.offset()

    def offset(self) -> int:
        with suppress(FileNotFoundError):
            unverified_from = self._unverified_from()
            return min(self._draft_path.stat().st_size, unverified_from, self._unverified_from())
        return self._committed_size()

    def _committed_size(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0

    def append(self, chunk: bytes | memoryview) -> None:
        with self._locked():
            self._ensure_not_fenced()
            self._append(memoryview(chunk))

    def open_anonymous(self) -> AppendFile | None:
        return direct_io.open_anonymous(self._path.parent)

    def begin_with(self, aside: AnonymousFile) -> None:
        with self._locked():
            self._ensure_not_fenced()
            self._draft_path.unlink(missing_ok=True)  # it is empty
            try:
                aside.name(self._draft_path)
            except OSError:
                for chunk in aside.read_back():
                    self._append(chunk)

    def begin_unverified(self) -> None:
        with self._locked():
            self._ensure_not_fenced()
            os.pwrite(self._fence, self.offset().to_bytes(OFFSET_BYTES), TOKEN_BYTES)
            os.fsync(self._fence)
        fsync.directory(self._path.parent)

    def commit_unverified(self) -> None:
        self.sync()
        with self._locked():
            self._ensure_not_fenced()
            self._clear_unverified()

    def discard_unverified(self) -> None:
        with self._locked():
            self._ensure_not_fenced()
            self._truncate_unverified()

    def sync(self) -> None:
        with suppress(FileNotFoundError):  # nothing was appended yet, or the file is committed
            fsync.file(self._draft_path)
        fsync.directory(self._path.parent)

    def commit(self) -> None:
        with suppress(FileNotFoundError):  # committed before
            fsync.file(self._draft_path)
            self._draft_path.rename(self._path)
        fsync.directory(self._path.parent)
        self._fence_path.unlink(missing_ok=True)  # which fences off all earlier writers

    def close(self) -> None:
        if self._fence != CLOSED:
            os.close(self._fence)
        self._close_draft()
        self._fence = CLOSED

    __del__ = close

    def _close_draft(self) -> None:
        if self._draft:
            self._draft.close()
        self._draft = None

    def _unverified_from(self) -> int:
        """The offset in the fence file, or NONE_UNVERIFIED if there is none."""
        with suppress(FileNotFoundError):
            stored_offset = self._fence_path.read_bytes()[TOKEN_BYTES:]
            return int.from_bytes(stored_offset) if stored_offset else NONE_UNVERIFIED
        return NONE_UNVERIFIED

    def _truncate_unverified(self) -> None:
        """Truncates the file, then clears the offset: if the process is killed in between, the bytes are still unverified."""
        if (verified_size := self._unverified_from()) == NONE_UNVERIFIED:
            return
        self._close_draft()  # its append position would be behind the truncated end
        with suppress(FileNotFoundError):
            os.truncate(self._draft_path, verified_size)
            fsync.file(self._draft_path)
        self._clear_unverified()

    def _clear_unverified(self) -> None:
        os.ftruncate(self._fence, TOKEN_BYTES)
        os.fsync(self._fence)

    def _append(self, chunk: memoryview) -> None:
        if self._draft is None:
            self._draft = AppendFile(self._draft_path)
        self._draft.append(chunk)

    def _ensure_not_fenced(self) -> None:
        if not os.fstat(self._fence).st_nlink or os.pread(self._fence, len(self._token), 0) != self._token:
            raise WriterFenced

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._fence, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fence, fcntl.LOCK_UN)
