"""A request's body in pieces, each of them worth a write.

The memory is mapped, and so given back at a body's end: of what malloc hands out, threads keep megabytes for ever.
"""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from queue import Empty, LifoQueue
from typing import Protocol

from processing.storage.local.direct_io import BLOCK, WORTH_GOING_STRAIGHT
from processing.uploads import offload, problems
from processing.uploads.body_timeouts import TooSlow
from processing.uploads.offload import Hash
from processing.uploads.problems import Refused

Read = Callable[[memoryview], int]

MOST = 4 << 20
"""Bytes of one piece of a sender who is as fast as the disk, of which few are served at once."""
LESS = 512 << 10
"""Bytes of one piece of any other. Who is slower sends smaller ones still."""
IN_MEMORY = 16 << 20
"""The largest part that is proved in memory."""
AT_ONCE = 3
"""Senders who have such memory at a time; more make do with less."""


def _memory(size: int) -> memoryview:
    return memoryview(mmap.mmap(-1, size))


def _lasting(size: int) -> LifoQueue[memoryview]:
    """It stays: fresh memory costs more than filling it. The last used is used first; what never was takes none."""
    places: LifoQueue[memoryview] = LifoQueue()
    for _ in range(AT_ONCE):
        places.put(_memory(size))
    return places


_places, _pairs = _lasting(IN_MEMORY + BLOCK), _lasting(2 * MOST)


class Body(Protocol):
    def readinto(self, buffer: memoryview) -> int:
        """Take what is there, at most as much as the buffer holds; wait only while nothing is.

        0 at the end; OSError when the line breaks before it.
        """


@contextmanager
def coming(body: Body, room: int, at: int) -> Iterator[Iterator[memoryview]]:
    """The pieces of a body that belong from byte `at` of their file on.

    A piece is good until the one after the next is asked for, and the last until the context ends: it may be hashed meanwhile.
    They raise Refused after the last good piece, when the line broke or more came than there is room.
    """
    with _pair() as pair:
        yield filter(None, _as_they_come(partial(_next, body), room, at, pair))


@contextmanager
def in_memory(length: int | None, at: int) -> Iterator[memoryview | None]:
    """Room for a part of that length, as coming() would place it; None when it is too long, or all places are taken."""
    with _lent(_places if length and length <= IN_MEMORY else None) as memory:
        yield memory[at % BLOCK :][:length] if memory else None


def whole(body: Body, place: memoryview, proof: Hash) -> memoryview:
    """All of a body that fits into `place`, hashed. Raises Refused."""
    end = 0
    with offload.hashing(proof) as hashing:
        while count := _next(body, place[end : end + MOST // 2]):  # the rest of it arrives while this is hashed
            hashing.add(place[end : end + count])
            end += count
    return place[:end]


def _as_they_come(read: Read, room: int, at: int, pair: memoryview) -> Iterator[memoryview]:
    """They lie in memory as in the file, whose byte `at` comes first, and large ones end where a block does: to go straight.

    So of a block that is not full the bytes wait for the next piece; they come at the latest when the body ends, or breaks.
    """
    half, rest = len(pair) // 2, pair[:0]
    for buffer in cycle((pair[:half], pair[half:])):
        begin = at % BLOCK
        buffer[begin : begin + len(rest)] = rest
        try:
            count = read(buffer[begin + len(rest) :])
        except Refused:
            yield rest
            raise
        end = begin + len(rest) + min(count, room)
        cut = end if not count or end - begin < WORTH_GOING_STRAIGHT else end // BLOCK * BLOCK
        yield buffer[begin:cut]
        if count > room:
            yield buffer[cut:end]
            raise Refused(problems.TOO_LARGE)
        if not count:
            return
        at, rest, room = at + cut - begin, buffer[cut:end], room - count


@contextmanager
def _pair() -> Iterator[memoryview]:
    """Room for two pieces."""
    with _lent(_pairs) as memory:
        yield memory or _memory(2 * LESS)


@contextmanager
def _lent(places: "LifoQueue[memoryview] | None") -> Iterator[memoryview | None]:
    """One of these; None when all are taken."""
    try:
        memory = places.get_nowait() if places else None
    except Empty:
        memory = None
    try:
        yield memory
    finally:
        if places and memory:
            places.put(memory)


def _next(body: Body, buffer: memoryview) -> int:
    try:
        return body.readinto(buffer)
    except TooSlow:
        raise Refused(problems.TOO_SLOW) from None
    except OSError:
        raise Refused(problems.BROKEN) from None
