"""A gate for uploads: the proxy asks it before it forwards bytes, so that a test decides when and how far uploads continue."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BEGINNING = 1000
"""Bytes of a held request that pass, so that the server starts to read its body."""
CHECK_SECONDS = 0.05
"""Interval between checks whether the client of a held request has closed its connection."""
CHUNK_BYTES = 16 << 10
NO_LIMIT = float("inf")


@dataclass
class Sender:
    """Reads what a client sends, also of a held request: unread bytes would hide that the connection was closed."""

    client: socket.socket
    unused: bytes = b""
    is_gone: bool = False

    def read(self) -> bytes:
        """Return the next bytes; empty at the end."""
        chunk, self.unused = self.unused, b""
        return chunk or (b"" if self.is_gone else self.client.recv(CHUNK_BYTES))

    def read_available(self) -> None:
        """Read the bytes that have arrived, without waiting."""
        try:
            chunk = self.client.recv(CHUNK_BYTES << 6, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self.unused += chunk
        self.is_gone = not chunk


@dataclass
class Passage:
    """A request's body that passes through the gate."""

    sender: Sender
    passed: int = 0
    is_whole: bool = False
    """Whether all of the body may pass."""


class Gate:
    def __init__(self) -> None:
        self.passed = 0
        """Bytes of uploads that have passed so far."""
        self._held = 0
        self._requests = NO_LIMIT
        self._limit = NO_LIMIT
        self._is_closed = False
        self._changed = threading.Condition()

    @property
    def held(self) -> int:
        """The number of requests that are held now."""
        with self._changed:
            return self._held

    def hold(self, after_requests: float = 0) -> None:
        """Let this many more requests pass completely, and hold all others after their first BEGINNING bytes."""
        with self._changed:
            self._requests, self._limit = after_requests, NO_LIMIT
            self._changed.notify_all()

    def hold_at(self, count: float) -> None:
        """Hold all requests as soon as `passed` reaches `count` bytes."""
        with self._changed:
            self._requests, self._limit = NO_LIMIT, count
            self._changed.notify_all()

    def release(self) -> None:
        """Let all requests pass."""
        self.hold(NO_LIMIT)

    def close(self) -> None:
        """End the requests that are held."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, passage: Passage, available: int) -> int:
        """Wait until bytes may pass, and return how many; 0 when the client has closed the connection."""
        with self._changed:
            while not (count := self._allowed(passage, available)):
                passage.sender.read_available()
                if self._is_closed or passage.sender.is_gone:
                    return 0
                with self._one_held():
                    self._changed.wait(CHECK_SECONDS)
            self.passed += count
            passage.passed += count
            return count

    def _allowed(self, passage: Passage, available: int) -> int:
        limit = self._limit - self.passed
        if not passage.is_whole and passage.passed >= BEGINNING and self._requests:
            self._requests -= 1
            passage.is_whole = True
        if not passage.is_whole:
            limit = min(limit, BEGINNING - passage.passed)
        return int(max(0, min(limit, available)))

    @contextmanager
    def _one_held(self) -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
