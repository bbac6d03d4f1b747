"""Files on their way to the bucket: they grow on the local disk, and go there when they are whole.

The bucket has no file that can grow, and a line that breaks costs nothing of what lies here. The draft goes only after the bucket
has all of it, so whatever is cut off in between is sent again.
"""

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from processing.storage.base import Fenced
from processing.storage.local.partial_file import LocalGrowing
from processing.storage.local.store import LocalReceiving


@dataclass(frozen=True, slots=True)
class Goal:
    """The object that a draft is to become."""

    send: Callable[[Path], None]
    size: Callable[[], int]
    """Raises FileNotFoundError as long as it is not there."""
    take_back: Callable[[], None]


class S3Receiving(LocalReceiving):
    def __init__(self, path: Path, goal: Goal) -> None:
        super().__init__(path)
        self._goal = goal

    def commit(self) -> None:
        self._file.flush()
        is_there = _hand_over(self._file.fileno(), self._draft, self._goal)
        self._file.close()
        if not is_there:
            raise Fenced


class S3Growing(LocalGrowing):
    def __init__(self, path: Path, goal: Goal) -> None:
        super().__init__(path)
        self._goal = goal

    def _committed(self) -> int:
        with suppress(FileNotFoundError):
            return self._goal.size()
        return 0

    def commit(self) -> None:
        try:
            handle = os.open(self._draft_path, os.O_RDONLY)
        except FileNotFoundError:  # committed before
            handle = -1
        if handle >= 0:
            try:
                fcntl.flock(
                    handle, fcntl.LOCK_EX
                )  # of several who commit at once, one sends and the others wait for it
                if os.fstat(handle).st_nlink:
                    _hand_over(handle, self._draft_path, self._goal)
            finally:
                os.close(handle)
        self._fence_path.unlink(missing_ok=True)  # and with it every earlier writer's right


def _hand_over(handle: int, draft: Path, goal: Goal) -> bool:
    """False when the draft was deleted meanwhile. Whoever deletes takes the draft first and the object second, so none stays."""
    try:
        goal.send(draft)
    except FileNotFoundError:
        if os.fstat(handle).st_nlink:
            raise
        return False
    if not os.fstat(handle).st_nlink:
        goal.take_back()
        return False
    draft.unlink(missing_ok=True)
    return True
