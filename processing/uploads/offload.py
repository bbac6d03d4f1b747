"""Double buffering: background threads hash and write one chunk while the request's thread reads the next."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from processing.pipeline import cpus

MIN_OFFLOADED_HASHING_BYTES = 128 << 10
"""Smaller chunks are hashed in the request's thread, which is faster than handing them to another."""
MIN_OFFLOADED_WRITING_BYTES = 1 << 20
"""Smaller chunks are written in the request's thread. Only few fast clients send larger ones (see body_reader)."""

_hashing = ThreadPoolExecutor(cpus.available(), "hashing")
_writing = ThreadPoolExecutor(cpus.available(), "writing")


class Hash(Protocol):
    def update(self, chunk: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "Hash": ...


class BackgroundTask:
    """Runs `work` on chunks in order, in background threads; chunks of fewer than `min_bytes` bytes in the caller's thread.

    A chunk must stay valid until the next submit(), or the end of the context.
    An exception of `work` is raised by the next call of submit() or wait(), or when the context ends.
    """

    def __init__(
        self, executor: ThreadPoolExecutor, min_bytes: int, work: Callable[[memoryview], object] | None
    ) -> None:
        self._executor, self._min_bytes, self._work = executor, min_bytes, work
        self._pending: Future[object] | None = None

    def __enter__(self) -> "BackgroundTask":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def submit(self, chunk: memoryview) -> None:
        self.wait()
        if self._work and len(chunk) < self._min_bytes:
            self._work(chunk)
        elif self._work:
            self._pending = self._executor.submit(self._work, chunk)

    def wait(self) -> None:
        """Waits until all added chunks are processed."""
        pending, self._pending = self._pending, None
        if pending:
            pending.result()


def hashing(digest: Hash | None) -> BackgroundTask:
    """Returns a task that updates `digest` with the chunks, or does nothing if it is None."""
    return BackgroundTask(_hashing, MIN_OFFLOADED_HASHING_BYTES, digest.update if digest else None)


def writing(write: Callable[[memoryview], object]) -> BackgroundTask:
    return BackgroundTask(_writing, MIN_OFFLOADED_WRITING_BYTES, write)
