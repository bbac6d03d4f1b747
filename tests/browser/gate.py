"""A gate for uploads: the proxy asks it before it passes bytes on, so that a test decides how far and when an upload goes on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BEGINNING = 1000
"""Bytes of a held request that pass: the server has begun to read its body."""
LOOK_SECONDS = 0.05
"""How often it is looked whether the client of a held request has given it up."""
PIECE = 16 << 10
NO_LIMIT = float("inf")


@dataclass
class Sender:
    """What a client sends. Of a held request it is read all the same: behind unread bytes its end would not be seen."""

    client: socket.socket
    unused: bytes = b""
    is_gone: bool = False

    def read(self) -> bytes:
        """The next bytes; empty when it has ended."""
        piece, self.unused = self.unused, b""
        return piece or (b"" if self.is_gone else self.client.recv(PIECE))

    def look(self) -> None:
        """Read what is there now."""
        try:
            piece = self.client.recv(PIECE << 6, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self.unused += piece
        self.is_gone = not piece


@dataclass
class Passage:
    """One request's body on its way through the gate."""

    sender: Sender
    passed: int = 0
    is_whole: bool = False
    """It was let through whole."""


class Gate:
    def __init__(self) -> None:
        self.passed = 0
        """Bytes of uploads so far."""
        self._held = 0
        self._requests = NO_LIMIT
        self._limit = NO_LIMIT
        self._is_closed = False
        self._changed = threading.Condition()

    @property
    def held(self) -> int:
        """Requests that are held back now."""
        with self._changed:
            return self._held

    def hold(self, after_requests: float = 0) -> None:
        """Let this many more requests pass whole, and hold all others: the server gets their first BEGINNING bytes."""
        with self._changed:
            self._requests, self._limit = after_requests, NO_LIMIT
            self._changed.notify_all()

    def hold_at(self, count: float) -> None:
        """Hold everything as soon as `passed` is `count` bytes."""
        with self._changed:
            self._requests, self._limit = NO_LIMIT, count
            self._changed.notify_all()

    def release(self) -> None:
        """Let everything pass."""
        self.hold(NO_LIMIT)

    def close(self) -> None:
        """Give up the requests that are held."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, passage: Passage, wanted: int) -> int:
        """The number of bytes that may pass now. Waits until one may; 0 when the client has closed the connection."""
        with self._changed:
            while not (count := self._allowed(passage, wanted)):
                passage.sender.look()
                if self._is_closed or passage.sender.is_gone:
                    return 0
                with self._one_held():
                    self._changed.wait(LOOK_SECONDS)
            self.passed += count
            passage.passed += count
            return count

    def _allowed(self, passage: Passage, wanted: int) -> int:
        room = self._limit - self.passed
        if not passage.is_whole and passage.passed >= BEGINNING and self._requests:
            self._requests -= 1
            passage.is_whole = True
        if not passage.is_whole:
            room = min(room, BEGINNING - passage.passed)
        return int(max(0, min(room, wanted)))

    @contextmanager
    def _one_held(self) -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
