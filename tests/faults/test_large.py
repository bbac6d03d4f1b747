"""A file as large as a film is received, and the web server's memory does not grow with it."""

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
from tests.faults.test_tus_line import create, offset, start_patch
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

MEBIBYTE = 1 << 20
NOISE = os.urandom(MEBIBYTE - 8)


def mebibyte(number: int) -> bytes:
    """Return the mebibyte with this number: no two are equal."""
    return number.to_bytes(8, "big") + NOISE


def send(connection: socket.socket, begin: int, end: int) -> None:
    """Send the bytes of the file from `begin` to `end`."""
    while begin < end:
        number, within = divmod(begin, MEBIBYTE)
        chunk = mebibyte(number)[within : within + end - begin]
        connection.sendall(chunk)
        begin += len(chunk)


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(65536).split()[1])


def resident_memory(leader: int) -> int:
    """Return the bytes of memory that gunicorn's master and its workers use."""
    pids = [leader, *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split())]
    page_size = os.sysconf("SC_PAGE_SIZE")
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page_size for pid in pids)


@contextmanager
def watching_memory(leader: int) -> Iterator[list[int]]:
    """Yield the memory in use at the beginning, and the maximum since."""
    memory = [resident_memory(leader), 0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.05):
            memory[1] = max(memory[1], resident_memory(leader))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        is_over.set()
        thread.join(60)


@pytest.mark.embedded  # rclone accepts the parts of a large object only in order
def test_a_file_over_two_gibibytes_survives_a_lost_connection_in_constant_memory(tmp_path):
    size = (2 << 30) + 4 * MEBIBYTE  # more than fits in a signed 32-bit number
    with Installation(
        tmp_path, {"MAX_FILE_SIZE": "4G", "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    ) as installation:
        server = installation.start("serve").pid
        session = tus_session(installation)
        album = installation.new_album(session, "Films")
        address = create(installation, session, album, size)
        with watching_memory(server) as memory:
            first = start_patch(installation, session, address, 0, size)
            first.settimeout(240)
            send(first, 0, size // 3)
            first.shutdown(socket.SHUT_WR)
            polling.until(lambda: status_of(first) == 409, 240, "the broken connection gets no response")
            first.close()
            resume_offset = offset(session, address)
            second = start_patch(installation, session, address, resume_offset, size - resume_offset)
            second.settimeout(240)
            send(second, resume_offset, size)
            assert status_of(second) == 204
            second.close()

        assert resume_offset == size // 3
        assert memory[1] - memory[0] < 64 * MEBIBYTE
        checksum = hashlib.sha256()
        for number in range(size // MEBIBYTE):
            checksum.update(mebibyte(number))
        assert installation.ask("SELECT state, size, sha256 FROM processing_upload") == [
            ("received", size, checksum.hexdigest())
        ]
