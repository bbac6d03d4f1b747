"""Crowds of senders, quick ones, slow ones and silent ones: the pages answer all the while."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests import polling, servers
from tests.faults.test_tus_line import create, dial, patch
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

CROWD = 50
LENGTH = 8 << 20
PATIENCE = 60
"""Seconds within which every page must answer, on a machine that does much else. The senders stay until the pages have."""
PATIENT = {"BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0", "USER_UPLOADS": "64"}
"""A sender that the machine lets wait is neither silent nor slow; and the one user of these tests stands for many."""


def tus_session(installation: Installation) -> requests.Session:
    session = installation.sign_in()
    token = session.cookies["csrftoken"]
    session.headers.update({"Tus-Resumable": "1.0.0", "X-CSRFToken": token, "Origin": installation.url})
    return session


@contextmanager
def sending(lines: list[socket.socket]) -> Iterator[threading.Event]:
    """Every second one sends as fast as it can, the others a little now and then, until the event is set; none to its end.

    The quick ones stay before their last byte. The server cannot end any request as long as the context lasts.
    """
    enough = threading.Event()

    def send(number: int, line: socket.socket) -> None:
        with suppress(OSError):
            for _ in range(LENGTH // 1024 - 1):
                line.sendall(bytes(1024))
                if enough.wait(0.05 if number % 2 else 0):
                    return

    threads = [threading.Thread(target=send, args=(number, line)) for number, line in enumerate(lines)]
    for thread in threads:
        thread.start()
    try:
        yield enough
    finally:
        enough.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def dripping(lines: list[socket.socket]) -> Iterator[None]:
    """Each line sends a letter now and then, so that none is silent."""
    is_over = threading.Event()

    def drip() -> None:
        while not is_over.wait(0.05):
            for line in lines:
                with suppress(OSError):
                    line.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(60)


def drafts(installation: Installation) -> list[Path]:
    return [path for path in (installation.data_dir / "incoming").glob("*.part") if path.stat().st_size]


def test_fifty_uploads_at_once_do_not_block_the_pages(tmp_path):
    with Installation(tmp_path, PATIENT) as installation:
        installation.start("serve")
        session = tus_session(installation)
        album = installation.new_album(session, "Crowded")
        addresses = [create(installation, session, album, LENGTH) for _ in range(CROWD)]
        lines = [dial(installation, session, address, 0, LENGTH) for address in addresses]

        with sending(lines):
            polling.until(lambda: len(drafts(installation)) == CROWD, 240, "not all are taken in at once")
            for page in (f"/albums/{album}/", f"/albums/{album}/uploads/status/", "/healthz", "/albums/") * 3:
                assert session.get(f"{installation.url}{page}", timeout=PATIENCE).status_code == 200

        for line in lines:
            line.close()


def test_who_comes_when_all_places_are_taken_is_asked_to_come_back(tmp_path):
    with Installation(tmp_path, PATIENT | {"WEB_THREADS": "4"}) as installation:
        installation.start("serve")
        session = tus_session(installation)
        album = installation.new_album(session, "Crowded")
        addresses = [create(installation, session, album, LENGTH) for _ in range(4)]
        lines = [dial(installation, session, address, 0, LENGTH) for address in addresses[:3]]
        for line in lines:
            line.sendall(bytes(1024))
        polling.until(lambda: len(drafts(installation)) == 3, what="not all are taken in at once")

        answer = patch(session, addresses[3], 0, b"x")

        assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "crowded", "5")
        assert session.get(f"{installation.url}/albums/{album}/", timeout=PATIENCE).status_code == 200
        for line in lines:
            line.close()
        polling.until(
            lambda: patch(session, addresses[3], 0, b"x").status_code in (204, 409), what="no place is free again"
        )


def test_who_never_ends_his_headers_is_hung_up_on(tmp_path):
    with Installation(tmp_path, {"WEB_THREADS": "4", "BODY_IDLE_SECONDS": "2"}) as installation:
        installation.start("serve")
        lines = [socket.create_connection((servers.HOST, installation.port), timeout=60) for _ in range(12)]
        for line in lines:
            line.sendall(b"GET /albums/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")

        with dripping(lines):
            polling.until(installation.answers, 240, "the pages do not answer")
        for line in lines:
            line.settimeout(60)
            with suppress(ConnectionResetError):
                assert line.recv(1000) == b""
            line.close()
