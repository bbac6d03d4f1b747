"""Reads a request's body in chunks that are large enough to be written one by one.

Buffers are mapped memory, which is returned to the system when a body ends. Memory from malloc() would stay in the threads'
arenas, megabytes of it.
"""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from queue import Empty, LifoQueue

from processing.storage.base import BLOCK_BYTES, MIN_DIRECT_BYTES
from processing.uploads import offload, problems
from processing.uploads.body.body_timeouts import TooSlow
from processing.uploads.body.request_body import Body
from processing.uploads.offload import Hash
from processing.uploads.problems import HttpProblem

ReadInto = Callable[[memoryview], int]

MAX_CHUNK_BYTES = 4 << 20
"""The maximum chunk size for clients that get one of the pooled buffers: a few clients that are as fast as the disk."""
SMALL_CHUNK_BYTES = 512 << 10
"""The maximum chunk size for all other clients. Slow clients fill even less."""
MAX_IN_MEMORY_BYTES = 16 << 20
"""The maximum size of a part that is verified in memory."""
POOL_SIZE = 3
"""The number of pooled buffers of each kind. Further clients use smaller ones."""


def _map_memory(size: int) -> memoryview:
    return memoryview(mmap.mmap(-1, size))


def _buffer_pool(size: int) -> LifoQueue[memoryview]:
    """Returns a pool of POOL_SIZE buffers that are kept: mapping new memory takes longer than filling it.

    The last used buffer is taken first. Buffers that were never used occupy no memory.
    """
    buffers: LifoQueue[memoryview] = LifoQueue()
    for _ in range(POOL_SIZE):
        buffers.put(_map_memory(size))
    return buffers


_part_buffers, _pairs = _buffer_pool(MAX_IN_MEMORY_BYTES + BLOCK_BYTES), _buffer_pool(2 * MAX_CHUNK_BYTES)


@contextmanager
def chunks(body: Body, room: int, offset: int) -> Iterator[Iterator[memoryview]]:
    """Yields the chunks of a body that starts at `offset` in its file.

    A chunk stays valid until the second next chunk is read, and the last one until the context ends, so that threads can hash
    it meanwhile. After the last valid chunk, raises HttpProblem if the connection broke or the body has more than `room` bytes.
    """
    with _double_buffer() as memory:
        yield filter(None, _aligned_chunks(partial(_read_next, body), room, offset, memory))


@contextmanager
def part_buffer(length: int | None, offset: int) -> Iterator[memoryview | None]:
    """Yields a buffer for a part of `length` bytes, aligned as by chunks(). None if the part is too long or all are in use."""
    with _borrow(_part_buffers if length and length <= MAX_IN_MEMORY_BYTES else None) as memory:
        yield memory[offset % BLOCK_BYTES :][:length] if memory else None


def read_all(body: Body, buffer: memoryview, body_hash: Hash) -> memoryview:
    """Reads the body into `buffer`, as much as fits, and updates `body_hash` with it. Returns the bytes. Raises HttpProblem."""
    end = 0
    with offload.hashing(body_hash) as hashing:
        while count := _read_next(
            body, buffer[end : end + MAX_CHUNK_BYTES // 2]
        ):  # more arrives while this chunk is hashed
            hashing.submit(buffer[end : end + count])
            end += count
    return buffer[:end]


def _aligned_chunks(read: ReadInto, room: int, offset: int, memory: memoryview) -> Iterator[memoryview]:
    """Yields chunks that are aligned in memory as in the file. The first byte is at `offset` in the file.

    Large chunks end at a block boundary, as direct I/O requires. The bytes of an incomplete block are carried over to
    the next chunk, and yielded at the latest when the body ends or the connection breaks.
    """
    half, carry = len(memory) // 2, memory[:0]
    for buffer in cycle((memory[:half], memory[half:])):
        start = offset % BLOCK_BYTES
        buffer[start : start + len(carry)] = carry
        try:
            count = read(buffer[start + len(carry) :])
        except HttpProblem:
            yield carry
            raise
        end = start + len(carry) + min(count, room)
        aligned_end = end if not count or end - start < MIN_DIRECT_BYTES else end // BLOCK_BYTES * BLOCK_BYTES
        yield buffer[start:aligned_end]
        if count > room:
            yield buffer[aligned_end:end]
            raise HttpProblem(problems.TOO_LARGE)
        if not count:
            return
        offset, carry, room = offset + aligned_end - start, buffer[aligned_end:end], room - count


@contextmanager
def _double_buffer() -> Iterator[memoryview]:
    """Yields memory for two chunks: pooled if available, otherwise newly mapped and smaller."""
    with _borrow(_pairs) as memory:
        yield memory or _map_memory(2 * SMALL_CHUNK_BYTES)


@contextmanager
def _borrow(pool: "LifoQueue[memoryview] | None") -> Iterator[memoryview | None]:
    """Yields a buffer from the pool, None if all are in use."""
    try:
        buffer = pool.get_nowait() if pool else None
    except Empty:
        buffer = None
    try:
        yield buffer
    finally:
        if pool and buffer:
            pool.put(buffer)


def _read_next(body: Body, buffer: memoryview) -> int:
    try:
        return body.readinto(buffer)
    except TooSlow:
        raise HttpProblem(problems.TOO_SLOW) from None
    except OSError:
        raise HttpProblem(problems.MALFORMED_BODY) from None
