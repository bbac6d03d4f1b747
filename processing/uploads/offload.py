"""Work beside the taking in: one thread reads from the line, others hash and write the piece before meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from processing.pipeline import cpus

WORTH_HASHING = 128 << 10
"""Bytes: what is less is hashed sooner than handed over to a thread."""
WORTH_WRITING = 1 << 20
"""Bytes: the same of writing, for few who are fast (see pieces); of many at once each waits for the disk himself."""

_hashing = ThreadPoolExecutor(cpus.available(), "hashing")
_writing = ThreadPoolExecutor(cpus.available(), "writing")


class Hash(Protocol):
    def update(self, piece: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "Hash": ...


class Beside:
    """Add pieces in their order, each of which must last until the next was added, or until the context ends.

    What the work raises is raised by the call after, and ends it: nothing of later pieces is done.
    """

    def __init__(self, threads: ThreadPoolExecutor, worth: int, work: Callable[[memoryview], object] | None) -> None:
        self._threads, self._worth, self._work = threads, worth, work
        self._last: Future[object] | None = None

    def __enter__(self) -> "Beside":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def add(self, piece: memoryview) -> None:
        self.wait()
        if self._work and len(piece) < self._worth:
            self._work(piece)
        elif self._work:
            self._last = self._threads.submit(self._work, piece)

    def wait(self) -> None:
        """Until all that was added is done."""
        last, self._last = self._last, None
        if last:
            last.result()


def hashing(running: Hash | None) -> Beside:
    """With nothing to add them to, nothing is done."""
    return Beside(_hashing, WORTH_HASHING, running.update if running else None)


def writing(write: Callable[[memoryview], object]) -> Beside:
    return Beside(_writing, WORTH_WRITING, write)
