"""Chunks of a body on their way to the disk: no byte is lost, in segments of any size and wherever the connection breaks."""

import errno
import fcntl
import hashlib
import os
import random
from pathlib import Path

import pytest

from processing.storage.base import BLOCK_BYTES, MIN_DIRECT_BYTES
from processing.storage.keys import DRAFT
from processing.storage.local import direct_io
from processing.storage.local.partial_file import LocalPartialFile
from processing.uploads import problems
from processing.uploads.body import body_reader
from processing.uploads.problems import HttpProblem
from tests.processing.lines import Line

KIB, MIB = 1 << 10, 1 << 20
CONTENT = random.Random(5).randbytes(12 * MIB)

needs_direct_io = pytest.mark.skipif(not direct_io.O_DIRECT, reason="Only Linux supports direct I/O")


def send(path: Path, offset: int, line: Line, room: int = 1 << 40) -> None:
    """Appends a body to a partial file that already has the first `offset` bytes."""
    if offset:
        path.with_name(path.name + DRAFT).write_bytes(CONTENT[:offset])
    partial_file = LocalPartialFile(path)
    partial_file.fence()
    try:
        with body_reader.chunks(line, room, offset) as chunks:
            for chunk in chunks:
                partial_file.append(chunk)
    finally:
        partial_file.close()


def read_partial_file(path: Path) -> bytes:
    return path.with_name(path.name + DRAFT).read_bytes()


@pytest.fixture
def writes(monkeypatch) -> list[tuple[int, bool]]:
    """The length of every write from now on, and whether it uses direct I/O."""
    calls, write = [], os.write

    def record_write(handle: int, chunk: memoryview) -> int:
        calls.append((len(chunk), bool(fcntl.fcntl(handle, fcntl.F_GETFL) & direct_io.O_DIRECT)))
        return write(handle, chunk)

    monkeypatch.setattr(os, "write", record_write)
    return calls


@pytest.mark.parametrize("offset", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * MIB + 17])
@pytest.mark.parametrize(
    "counts",
    [
        (16 * MIB,),
        (1000, 16 * MIB),
        (MIN_DIRECT_BYTES - 1, 3 * MIB + 5),
        (1 * MIB + 1, 100, 2 * MIB + 4095, 1, 4096, 16 * MIB),
        (70_001,),
    ],
    ids=lambda counts: "-".join(map(str, counts)),
)
def test_every_byte_is_written_at_its_offset(tmp_path, offset, counts):
    send(tmp_path / "sea", offset, Line(CONTENT[offset:], *counts))

    assert hashlib.sha256(read_partial_file(tmp_path / "sea")).digest() == hashlib.sha256(CONTENT).digest()


def test_segments_of_random_sizes_are_written_completely(tmp_path):
    rng = random.Random(7)
    for number in range(20):
        counts = [rng.choice((1, 4095, 4096, 65_536, 300_000, 5 * MIB)) + rng.randrange(3) for _ in range(12)]
        offset = rng.choice((0, rng.randrange(8192)))
        send(tmp_path / str(number), offset, Line(CONTENT[offset:], *counts, MIB))

        assert read_partial_file(tmp_path / str(number)) == CONTENT, (offset, counts)


@pytest.mark.parametrize("count", [100, 3 * MIB + 5, 16 * MIB])
def test_a_connection_that_breaks_keeps_every_received_byte(tmp_path, count):
    sent = CONTENT[: 5 * MIB + 777]

    with pytest.raises(HttpProblem) as caught:
        send(tmp_path / "sea", 0, Line(sent, count, breaks=True))

    assert caught.value.problem is problems.MALFORMED_BODY
    assert read_partial_file(tmp_path / "sea") == sent


def test_a_body_that_is_too_large_is_rejected_after_the_bytes_that_fit(tmp_path):
    with pytest.raises(HttpProblem) as caught:
        send(tmp_path / "sea", 0, Line(CONTENT, 3 * MIB + 5), room=4 * MIB + 3)

    assert caught.value.problem is problems.TOO_LARGE
    assert read_partial_file(tmp_path / "sea") == CONTENT[: 4 * MIB + 3]


@needs_direct_io
def test_a_fast_body_is_written_with_direct_io(tmp_path, writes):
    send(tmp_path / "sea", 0, Line(CONTENT[: 10 * MIB + 5], 16 * MIB))

    assert writes == [(4 * MIB, True), (4 * MIB, True), (2 * MIB, True), (5, False)]


@needs_direct_io
def test_direct_io_is_used_again_after_an_unaligned_offset(tmp_path, writes):
    send(tmp_path / "sea", 5, Line(CONTENT[5:], 16 * MIB))

    assert writes == [(BLOCK_BYTES - 5, False), (4 * MIB - BLOCK_BYTES, True), (4 * MIB, True), (4 * MIB, True)]


def test_bytes_of_a_slow_client_do_not_wait_for_a_full_block(tmp_path, writes):
    send(tmp_path / "sea", 0, Line(CONTENT[:3000], 1000))

    assert writes == [(1000, False)] * 3


@needs_direct_io
@pytest.mark.parametrize("rejected_command", [fcntl.F_SETFL, None], ids=["setting the flag", "writing"])
def test_a_file_system_without_direct_io_is_written_normally(tmp_path, monkeypatch, rejected_command):
    control, write = fcntl.fcntl, os.write

    def reject_flag(handle: int, command: int, flags: int = 0) -> int:
        if command == rejected_command and flags & direct_io.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return control(handle, command, flags)

    def reject_write(handle: int, chunk: memoryview) -> int:
        if control(handle, fcntl.F_GETFL) & direct_io.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(handle, chunk)

    monkeypatch.setattr(fcntl, "fcntl", reject_flag)
    if rejected_command is None:
        monkeypatch.setattr(os, "write", reject_write)
    send(tmp_path / "sea", 0, Line(CONTENT, 16 * MIB))

    assert read_partial_file(tmp_path / "sea") == CONTENT


def test_a_partial_write_is_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, chunk: write(handle, chunk[:300_000]))

    send(tmp_path / "sea", 0, Line(CONTENT, 16 * MIB))

    assert read_partial_file(tmp_path / "sea") == CONTENT


def test_clients_beyond_the_pool_get_smaller_buffers(tmp_path):
    def longest_chunk(line: Line) -> int:
        with body_reader.chunks(line, 1 << 40, 0) as chunks:
            return max(map(len, chunks))

    borrowed = [body_reader._pairs.get_nowait() for _ in range(body_reader.POOL_SIZE)]
    try:
        assert longest_chunk(Line(CONTENT, 16 * MIB)) == body_reader.SMALL_CHUNK_BYTES
    finally:
        for pair in borrowed:
            body_reader._pairs.put(pair)
    assert longest_chunk(Line(CONTENT, 16 * MIB)) == body_reader.MAX_CHUNK_BYTES
