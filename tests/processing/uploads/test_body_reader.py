"""A body's pieces on their way from the line to the disk: none is lost, whatever comes at a time and wherever the line breaks."""

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
from processing.uploads import body_reader, problems
from processing.uploads.problems import HttpProblem
from tests.processing.lines import Line

KIB, MIB = 1 << 10, 1 << 20
CONTENT = random.Random(5).randbytes(12 * MIB)

needs_straight = pytest.mark.skipif(not direct_io.O_DIRECT, reason="Only Linux writes straight to the disk")


def send(path: Path, at: int, line: Line, room: int = 1 << 40) -> None:
    """As an upload goes on at `at`. What was there is there before."""
    if at:
        path.with_name(path.name + DRAFT).write_bytes(CONTENT[:at])
    draft = LocalPartialFile(path)
    draft.fence()
    try:
        with body_reader.chunks(line, room, at) as coming:
            for piece in coming:
                draft.append(piece)
    finally:
        draft.close()


def arrived(path: Path) -> bytes:
    return path.with_name(path.name + DRAFT).read_bytes()


@pytest.fixture
def writes(monkeypatch) -> list[tuple[int, bool]]:
    """The length of every write to come, and whether it goes straight to the disk."""
    seen, write = [], os.write

    def watched(handle: int, chunk: memoryview) -> int:
        seen.append((len(chunk), bool(fcntl.fcntl(handle, fcntl.F_GETFL) & direct_io.O_DIRECT)))
        return write(handle, chunk)

    monkeypatch.setattr(os, "write", watched)
    return seen


@pytest.mark.parametrize("at", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * MIB + 17])
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
def test_every_byte_is_where_it_belongs(tmp_path, at, counts):
    send(tmp_path / "sea", at, Line(CONTENT[at:], *counts))

    assert hashlib.sha256(arrived(tmp_path / "sea")).digest() == hashlib.sha256(CONTENT).digest()


def test_whatever_comes_at_a_time(tmp_path):
    chance = random.Random(7)
    for number in range(20):
        counts = [chance.choice((1, 4095, 4096, 65_536, 300_000, 5 * MIB)) + chance.randrange(3) for _ in range(12)]
        at = chance.choice((0, chance.randrange(8192)))
        send(tmp_path / str(number), at, Line(CONTENT[at:], *counts, MIB))

        assert arrived(tmp_path / str(number)) == CONTENT, (at, counts)


@pytest.mark.parametrize("count", [100, 3 * MIB + 5, 16 * MIB])
def test_a_line_that_breaks_keeps_every_byte_that_came(tmp_path, count):
    sent = CONTENT[: 5 * MIB + 777]

    with pytest.raises(HttpProblem) as refused:
        send(tmp_path / "sea", 0, Line(sent, count, breaks=True))

    assert refused.value.refusal is problems.MALFORMED_BODY
    assert arrived(tmp_path / "sea") == sent


def test_more_than_there_is_room_for_is_refused_after_what_there_is_room_for(tmp_path):
    with pytest.raises(HttpProblem) as refused:
        send(tmp_path / "sea", 0, Line(CONTENT, 3 * MIB + 5), room=4 * MIB + 3)

    assert refused.value.refusal is problems.TOO_LARGE
    assert arrived(tmp_path / "sea") == CONTENT[: 4 * MIB + 3]


@needs_straight
def test_what_comes_fast_goes_straight_to_the_disk(tmp_path, writes):
    send(tmp_path / "sea", 0, Line(CONTENT[: 10 * MIB + 5], 16 * MIB))

    assert writes == [(4 * MIB, True), (4 * MIB, True), (2 * MIB, True), (5, False)]


@needs_straight
def test_it_goes_straight_again_after_an_odd_offset(tmp_path, writes):
    send(tmp_path / "sea", 5, Line(CONTENT[5:], 16 * MIB))

    assert writes == [(BLOCK_BYTES - 5, False), (4 * MIB - BLOCK_BYTES, True), (4 * MIB, True), (4 * MIB, True)]


def test_what_comes_slowly_does_not_wait_for_a_block_to_be_full(tmp_path, writes):
    send(tmp_path / "sea", 0, Line(CONTENT[:3000], 1000))

    assert writes == [(1000, False)] * 3


@needs_straight
@pytest.mark.parametrize("refuses", [fcntl.F_SETFL, None], ids=["the mode", "the write"])
def test_a_file_system_without_straight_writes_is_written_as_ever(tmp_path, monkeypatch, refuses):
    control, write = fcntl.fcntl, os.write

    def reluctant(handle: int, command: int, flags: int = 0) -> int:
        if command == refuses and flags & direct_io.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return control(handle, command, flags)

    def picky(handle: int, chunk: memoryview) -> int:
        if control(handle, fcntl.F_GETFL) & direct_io.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(handle, chunk)

    monkeypatch.setattr(fcntl, "fcntl", reluctant)
    if refuses is None:
        monkeypatch.setattr(os, "write", picky)
    send(tmp_path / "sea", 0, Line(CONTENT, 16 * MIB))

    assert arrived(tmp_path / "sea") == CONTENT


def test_a_write_that_takes_a_part_only_is_gone_on_with(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, chunk: write(handle, chunk[:300_000]))

    send(tmp_path / "sea", 0, Line(CONTENT, 16 * MIB))

    assert arrived(tmp_path / "sea") == CONTENT


def test_senders_beyond_the_first_few_make_do_with_less_memory(tmp_path):
    def longest(line: Line) -> int:
        with body_reader.chunks(line, 1 << 40, 0) as coming:
            return max(map(len, coming))

    lent = [body_reader._pairs.get_nowait() for _ in range(body_reader.POOL_SIZE)]
    try:
        assert longest(Line(CONTENT, 16 * MIB)) == body_reader.SMALL_CHUNK_BYTES
    finally:
        for pair in lent:
            body_reader._pairs.put(pair)
    assert longest(Line(CONTENT, 16 * MIB)) == body_reader.MAX_CHUNK_BYTES
