"""A file that grows on the local disk, request by request, and the fence that lets one writer at a time append to it."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from processing.storage.base import AnonymousFile, Fenced
from processing.storage.local import direct_io, fsync
from processing.storage.local.direct_io import Appending

DRAFT, FENCE = ".part", ".fence"
"""A file on its way in lies beside its final name, with the sign of who may write it."""
TOKEN_BYTES, DOUBT_BYTES = 16, 8
CLOSED = -1
NOWHERE = 1 << 62
"""Further than any file goes."""


class LocalGrowing:
    """Grows as a draft. A small file beside it names the writer that took it over last, and is locked for the time of a write.

    flock(2) ends with the process that holds it, and is never held while anybody waits for the network. Both files stay open from
    one write to the next: a fence that was deleted meanwhile has no link left, and its draft is nobody's any more.

    Behind the token the fence may hold an offset: from there on the draft's bytes are in doubt, and do not count. It is on the
    disk before the first of them, so that not even a power cut makes them count, and off it before they are acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft_path = path.with_name(path.name + DRAFT)
        self._fence_path = path.with_name(path.name + FENCE)
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._fence = CLOSED
        self._draft: Appending | None = None

    def take_over(self) -> int:
        self.close()
        self._fence = os.open(self._fence_path, os.O_RDWR | os.O_CREAT, 0o600)
        with self._locked():
            os.pwrite(self._fence, self._token, 0)
            self._drop_doubtful()
            return self.there()

    def there(self) -> int:
        with suppress(FileNotFoundError):
            before = self._doubted_from()
            return min(self._draft_path.stat().st_size, before, self._doubted_from())
        return self._committed()

    def _committed(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.stat().st_size
        return 0

    def append(self, chunk: bytes | memoryview) -> None:
        with self._locked():
            self._ensure_mine()
            self._append(memoryview(chunk))

    def aside(self) -> Appending | None:
        return direct_io.nameless(self._path.parent)

    def begin_with(self, aside: AnonymousFile) -> None:
        with self._locked():
            self._ensure_mine()
            self._draft_path.unlink(missing_ok=True)  # it holds nothing
            try:
                aside.name(self._draft_path)
            except OSError:
                for piece in aside.read_back():
                    self._append(piece)

    def doubt(self) -> None:
        with self._locked():
            self._ensure_mine()
            os.pwrite(self._fence, self.there().to_bytes(DOUBT_BYTES), TOKEN_BYTES)
            os.fsync(self._fence)
        fsync.directory(self._path.parent)

    def trust(self) -> None:
        self.sync()
        with self._locked():
            self._ensure_mine()
            self._end_doubt()

    def drop_doubtful(self) -> None:
        with self._locked():
            self._ensure_mine()
            self._drop_doubtful()

    def sync(self) -> None:
        with suppress(FileNotFoundError):  # nothing was appended yet, or all is committed
            fsync.file(self._draft_path)
        fsync.directory(self._path.parent)

    def commit(self) -> None:
        with suppress(FileNotFoundError):  # committed before
            fsync.file(self._draft_path)
            self._draft_path.rename(self._path)
        fsync.directory(self._path.parent)
        self._fence_path.unlink(missing_ok=True)  # and with it every earlier writer's right

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

    def _doubted_from(self) -> int:
        """As the fence says it, which may not be there."""
        with suppress(FileNotFoundError):
            told = self._fence_path.read_bytes()[TOKEN_BYTES:]
            return int.from_bytes(told) if told else NOWHERE
        return NOWHERE

    def _drop_doubtful(self) -> None:
        """The bytes first: whoever is cut off in between finds them still in doubt."""
        if (counted := self._doubted_from()) == NOWHERE:
            return
        self._close_draft()  # it would go on where the doubtful ones end
        with suppress(FileNotFoundError):
            os.truncate(self._draft_path, counted)
            fsync.file(self._draft_path)
        self._end_doubt()

    def _end_doubt(self) -> None:
        os.ftruncate(self._fence, TOKEN_BYTES)
        os.fsync(self._fence)

    def _append(self, piece: memoryview) -> None:
        if self._draft is None:
            self._draft = Appending(self._draft_path)
        self._draft.append(piece)

    def _ensure_mine(self) -> None:
        if not os.fstat(self._fence).st_nlink or os.pread(self._fence, len(self._token), 0) != self._token:
            raise Fenced

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._fence, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fence, fcntl.LOCK_UN)
