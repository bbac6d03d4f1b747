"""A request's body in pieces, each of them worth a write.

The memory is mapped, and so given back at a body's end: of what malloc hands out, threads keep megabytes for ever.
"""

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from queue import Empty, LifoQueue
from typing import Protocol

from django.conf import settings

from processing.intake import protocol
from processing.intake.hashing import Hash, Hashing
from processing.intake.protocol import Checksum, Refused

MOST = 512 << 10
"""Bytes of one piece. A sender who is slower than the disk sends smaller ones, of which nothing waits for the next."""
IN_MEMORY = 16 << 20
"""The largest part that is proved in memory; others wait in a file."""
_places: LifoQueue[memoryview] = LifoQueue()
"""They stay: fresh memory costs more than filling it. The last used is used first; one that never was takes none."""
for _ in range(3):
    _places.put(memoryview(mmap.mmap(-1, IN_MEMORY)))


class Body(Protocol):
    def readinto(self, buffer: memoryview) -> int:
        """Take what is there, at most as much as the buffer holds; wait only while nothing is.

        0 at the end; OSError when the line breaks before it.
        """


@contextmanager
def coming(
    checksum: Checksum | None, proof: Hash | None, body: Body, room: int, length: int | None
) -> Iterator[Iterator[memoryview]]:
    """The pieces of a body; of one with a checksum, after it has proved true: such a part counts whole or not at all.

    A piece is good until the one after the next is asked for, and the last until the context ends: it may be hashed meanwhile.
    They raise Refused after the last good piece, when the line broke or more came than there is room.
    """
    if checksum is None or proof is None:
        yield _as_they_come(body, room)
        return
    with _place(length) as place:
        pieces = _as_they_come(body, room)
        yield _proved_in_memory(body, checksum, proof, place) if place else _proved_in_file(pieces, checksum, proof)


def _as_they_come(body: Body, room: int) -> Iterator[memoryview]:
    for buffer in _two_buffers():
        count = _next(body, buffer)
        if room and count:
            yield buffer[: min(count, room)]
        if count > room:
            raise Refused(protocol.TOO_LARGE)
        if not count:
            return
        room -= count


def _proved_in_memory(body: Body, checksum: Checksum, proof: Hash, place: memoryview) -> Iterator[memoryview]:
    end = 0
    with Hashing(proof) as hashing:
        while count := _next(body, place[end : end + MOST]):
            hashing.add(place[end : end + count])
            end += count
    _check(checksum, proof)
    yield place[:end]


def _proved_in_file(pieces: Iterator[memoryview], checksum: Checksum, proof: Hash) -> Iterator[memoryview]:
    with tempfile.TemporaryFile(dir=settings.DATA_DIR / "incoming", buffering=0) as aside:
        with Hashing(proof) as hashing:
            for piece in pieces:
                hashing.add(piece)
                aside.write(piece)
        _check(checksum, proof)
        aside.seek(0)
        for buffer in _two_buffers():
            if not (count := aside.readinto(buffer)):
                return
            yield buffer[:count]


@contextmanager
def _place(length: int | None) -> Iterator[memoryview | None]:
    """Where a part of that length can be proved in memory; None when it is too long, or all places are taken."""
    try:
        memory = _places.get_nowait() if length and length <= IN_MEMORY else None
    except Empty:
        memory = None
    try:
        yield memory[:length] if memory else None
    finally:
        if memory:
            _places.put(memory)


def _two_buffers() -> Iterator[memoryview]:
    memory = memoryview(mmap.mmap(-1, 2 * MOST))
    return cycle((memory[:MOST], memory[MOST:]))


def _check(checksum: Checksum, proof: Hash) -> None:
    if not checksum.fits(proof.digest()):
        raise Refused(protocol.CHECKSUM_MISMATCH)


def _next(body: Body, buffer: memoryview) -> int:
    try:
        return body.readinto(buffer)
    except OSError:
        raise Refused(protocol.BROKEN) from None
