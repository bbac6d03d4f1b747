"""A file as large as a film: it goes through, and the web server does not grow with it."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import polling
from tests.faults.test_crowd import tus_session
from tests.faults.test_tus_line import create, dial, offset
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

MEBIBYTE = 1 << 20
NOISE = os.urandom(MEBIBYTE - 8)


def piece(number: int) -> bytes:
    """The mebibyte of that number: no two are the same."""
    return number.to_bytes(8, "big") + NOISE


def send(line: socket.socket, begin: int, end: int) -> None:
    """The bytes of the file from `begin` to `end`."""
    while begin < end:
        number, within = divmod(begin, MEBIBYTE)
        sent = piece(number)[within : within + end - begin]
        line.sendall(sent)
        begin += len(sent)


def status_of(line: socket.socket) -> int:
    return int(line.recv(65536).split()[1])


def resident(leader: int) -> int:
    """Bytes of memory of gunicorn's master and its workers."""
    members = [leader, *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split())]
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in members)


@contextmanager
def watching(leader: int) -> Iterator[list[int]]:
    """What was in use at the beginning, and at most since."""
    seen = [resident(leader), 0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen[1] = max(seen[1], resident(leader))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join(60)


@pytest.mark.embedded  # rclone takes the parts of a large object in their order alone
def test_more_than_two_gibibytes_go_through_a_broken_line_and_the_server_does_not_grow(tmp_path):
    size = (2 << 30) + 4 * MEBIBYTE  # more than a signed number of 32 bits
    with Installation(
        tmp_path, {"MAX_FILE_SIZE": "4G", "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    ) as installation:
        server = installation.start("serve").pid
        session = tus_session(installation)
        album = installation.new_album(session, "Films")
        address = create(installation, session, album, size)
        with watching(server) as memory:
            first = dial(installation, session, address, 0, size)
            first.settimeout(240)
            send(first, 0, size // 3)
            first.shutdown(socket.SHUT_WR)
            polling.until(lambda: status_of(first) == 409, 240, "the broken line is not answered")
            first.close()
            there = offset(session, address)
            second = dial(installation, session, address, there, size - there)
            second.settimeout(240)
            send(second, there, size)
            assert status_of(second) == 204
            second.close()

        assert there == size // 3
        assert memory[1] - memory[0] < 64 * MEBIBYTE
        whole = hashlib.sha256()
        for number in range(size // MEBIBYTE):
            whole.update(piece(number))
        assert installation.ask("SELECT state, size, sha256 FROM processing_upload") == [
            ("received", size, whole.hexdigest())
        ]
