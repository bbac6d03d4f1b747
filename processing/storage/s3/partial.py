"""Partial files for the bucket: they are received on the local disk and sent to the bucket once complete.

S3 objects cannot be appended to, and a lost connection to the bucket does not lose the local file. The local file is deleted
only after the bucket has all of it, so an interrupted transfer is repeated.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from processing.storage.base import WriterFenced
from processing.storage.local.local_store import LocalFileWriter
from processing.storage.local.partial_file import LocalPartialFile


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """The object that a local partial file becomes."""

    send: Callable[[Path], None]
    size: Callable[[], int]
    """Raises FileNotFoundError if the object does not exist yet."""
    take_back: Callable[[], None]


class S3FileWriter(LocalFileWriter):
    def __init__(self, path: Path, goal: UploadTarget) -> None:
        super().__init__(path)
        self._goal = goal

    def commit(self) -> None:
        self._file.flush()
        is_stored = _hand_over(self._file.fileno(), self._draft, self._goal)
        self._file.close()
        if not is_stored:
            raise WriterFenced


class S3PartialFile(LocalPartialFile):
    def __init__(self, path: Path, goal: UploadTarget) -> None:
        super().__init__(path)
        self._goal = goal

    def _committed_size(self) -> int:
        with suppress(FileNotFoundError):
            return self._goal.size()
        return 0

    def commit(self) -> None:
        try:
            fd = os.open(self._draft_path, os.O_RDONLY)
        except FileNotFoundError:  # committed before
            fd = -1
        if fd >= 0:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)  # of concurrent commits, one sends and the others wait
                if os.fstat(fd).st_nlink:
                    _hand_over(fd, self._draft_path, self._goal)
            finally:
                os.close(fd)
        self._fence_path.unlink(missing_ok=True)  # which fences off all earlier writers


def _hand_over(fd: int, draft: Path, goal: UploadTarget) -> bool:
    """Sends the file. False if it was deleted meanwhile: delete() removes the local file first and the object second, so that
    neither remains.
    """
    try:
        goal.send(draft)
    except FileNotFoundError:
        if os.fstat(fd).st_nlink:
            raise
        return False
    if not os.fstat(fd).st_nlink:
        goal.take_back()
        return False
    draft.unlink(missing_ok=True)
    return True
