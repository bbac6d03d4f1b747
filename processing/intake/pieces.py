"""A request's body in pieces, each of them worth a write. A piece is good until the next is asked for.

The memory is mapped for each body and given back at its end: of what malloc hands out, threads keep megabytes for ever.
"""

import hashlib
import mmap
import tempfile
from collections.abc import Iterator
from threading import BoundedSemaphore
from typing import Protocol

from django.conf import settings

from processing.intake import protocol
from processing.intake.protocol import Checksum, Refused

MOST = 256 << 10
"""Bytes of one piece. A sender who is slower than the disk sends smaller ones, of which nothing waits for the next."""
IN_MEMORY = 16 << 20
"""The largest part that is proved in memory; others wait in a file."""
_in_memory = BoundedSemaphore(4)
"""How many parts may be proved in memory at once."""


class Body(Protocol):
    def readinto(self, buffer: memoryview) -> int:
        """Take what is there, at most as much as the buffer holds; wait only while nothing is.

        0 at the end; OSError when the line breaks before it.
        """


def of(body: Body, room: int) -> Iterator[memoryview]:
    """Raises Refused after the last good piece, when the line broke or more came than there is room."""
    buffer = memoryview(mmap.mmap(-1, MOST))
    while count := _next(body, buffer):
        if room:
            yield buffer[: min(count, room)]
        if count > room:
            raise Refused(protocol.TOO_LARGE)
        room -= count


def proved(body: Body, checksum: Checksum, room: int, length: int | None) -> Iterator[memoryview]:
    """Those of a part with a checksum, which counts whole or not at all: it waits aside until it has proved true."""
    if length and length <= IN_MEMORY and _in_memory.acquire(blocking=False):
        try:
            yield _proved_in_memory(body, checksum, length)
        finally:
            _in_memory.release()
    else:
        yield from _proved_in_file(body, checksum, room)


def _proved_in_memory(body: Body, checksum: Checksum, length: int) -> memoryview:
    digest, memory, end = checksum.start(), memoryview(mmap.mmap(-1, length)), 0
    while count := _next(body, memory[end : end + MOST]):
        digest.update(memory[end : end + count])
        end += count
    _check(checksum, digest)
    return memory[:end]


def _proved_in_file(body: Body, checksum: Checksum, room: int) -> Iterator[memoryview]:
    digest, buffer = checksum.start(), memoryview(mmap.mmap(-1, MOST))
    with tempfile.TemporaryFile(dir=settings.DATA_DIR / "incoming", buffering=0) as aside:
        for piece in of(body, room):
            digest.update(piece)
            aside.write(piece)
        _check(checksum, digest)
        aside.seek(0)
        while count := aside.readinto(buffer):
            yield buffer[:count]


def _check(checksum: Checksum, digest: "hashlib._Hash") -> None:
    if not checksum.fits(digest):
        raise Refused(protocol.CHECKSUM_MISMATCH)


def _next(body: Body, buffer: memoryview) -> int:
    try:
        return body.readinto(buffer)
    except OSError:
        raise Refused(protocol.BROKEN) from None
