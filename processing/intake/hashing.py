"""Hashing beside the taking in: one thread reads and writes, another reckons what the piece before comes to."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

WORTH_A_THREAD = 128 << 10
"""Bytes: what is less is hashed sooner than handed over."""

_beside = ThreadPoolExecutor(os.cpu_count(), "hashing")


class Hash(Protocol):
    def update(self, piece: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


class Hashing:
    """Add pieces in their order, each of which must last until the next was added, or until the context ends.

    With nothing to add them to, nothing is done.
    """

    def __init__(self, running: Hash | None) -> None:
        self._running = running
        self._last: Future[None] | None = None

    def __enter__(self) -> "Hashing":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def add(self, piece: memoryview) -> None:
        self.wait()
        if self._running and len(piece) < WORTH_A_THREAD:
            self._running.update(piece)
        elif self._running:
            self._last = _beside.submit(self._running.update, piece)

    def wait(self) -> None:
        """Until all that was added counts."""
        if self._last:
            self._last.result()
            self._last = None
