"""Many senders at once: fast, slow and silent ones. Pages respond all the time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests import polling, servers
from tests.faults.test_tus_line import create, patch, start_patch
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SENDERS = 50
LENGTH = 8 << 20
PAGE_SECONDS = 60
"""Seconds within which every page must respond, even on a busy machine. The senders stay until the pages have responded."""
NO_UPLOAD_LIMITS = {"BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0", "USER_UPLOADS": "64"}
"""A sender that the machine delays must not count as silent or slow, and one user sends as many uploads as many users would."""


def tus_session(installation: Installation) -> requests.Session:
    session = installation.sign_in()
    token = session.cookies["csrftoken"]
    session.headers.update({"Tus-Resumable": "1.0.0", "X-CSRFToken": token, "Origin": installation.url})
    return session


@contextmanager
def sending(connections: list[socket.socket]) -> Iterator[threading.Event]:
    """Send on all connections, every second one as fast as possible and the others slowly, until the event is set.

    No sender sends its last byte, so that the server cannot end any request while the context lasts.
    """
    is_over = threading.Event()

    def send(number: int, connection: socket.socket) -> None:
        with suppress(OSError):
            for _ in range(LENGTH // 1024 - 1):
                connection.sendall(bytes(1024))
                if is_over.wait(0.05 if number % 2 else 0):
                    return

    threads = [
        threading.Thread(target=send, args=(number, connection)) for number, connection in enumerate(connections)
    ]
    for thread in threads:
        thread.start()
    try:
        yield is_over
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)


@contextmanager
def dripping(connections: list[socket.socket]) -> Iterator[None]:
    """Send a byte on each connection now and then, so that none is idle."""
    is_over = threading.Event()

    def drip() -> None:
        while not is_over.wait(0.05):
            for connection in connections:
                with suppress(OSError):
                    connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(60)


def drafts(installation: Installation) -> list[Path]:
    return [path for path in (installation.data_dir / "incoming").glob("*.part") if path.stat().st_size]


def test_fifty_simultaneous_uploads_do_not_block_the_pages(tmp_path):
    with Installation(tmp_path, NO_UPLOAD_LIMITS) as installation:
        installation.start("serve")
        session = tus_session(installation)
        album = installation.new_album(session, "Crowded")
        addresses = [create(installation, session, album, LENGTH) for _ in range(SENDERS)]
        connections = [start_patch(installation, session, address, 0, LENGTH) for address in addresses]

        with sending(connections):
            polling.until(lambda: len(drafts(installation)) == SENDERS, 240, "not all uploads are received at once")
            for page in (f"/albums/{album}/", f"/albums/{album}/uploads/status/", "/healthz", "/albums/") * 3:
                assert session.get(f"{installation.url}{page}", timeout=PAGE_SECONDS).status_code == 200

        for connection in connections:
            connection.close()


def test_an_upload_without_a_free_slot_is_rejected_with_retry_after(tmp_path):
    with Installation(tmp_path, NO_UPLOAD_LIMITS | {"WEB_THREADS": "4"}) as installation:
        installation.start("serve")
        session = tus_session(installation)
        album = installation.new_album(session, "Crowded")
        addresses = [create(installation, session, album, LENGTH) for _ in range(4)]
        connections = [start_patch(installation, session, address, 0, LENGTH) for address in addresses[:3]]
        for connection in connections:
            connection.sendall(bytes(1024))
        polling.until(lambda: len(drafts(installation)) == 3, what="not all uploads are received at once")

        response = patch(session, addresses[3], 0, b"x")

        assert (response.status_code, response.json()["error"], response.headers["Retry-After"]) == (
            503,
            "crowded",
            "5",
        )
        assert session.get(f"{installation.url}/albums/{album}/", timeout=PAGE_SECONDS).status_code == 200
        for connection in connections:
            connection.close()
        polling.until(
            lambda: patch(session, addresses[3], 0, b"x").status_code in (204, 409), what="no upload slot becomes free"
        )


def test_a_client_that_never_ends_its_headers_is_disconnected(tmp_path):
    with Installation(tmp_path, {"WEB_THREADS": "4", "BODY_IDLE_SECONDS": "2"}) as installation:
        installation.start("serve")
        connections = [socket.create_connection((servers.HOST, installation.port), timeout=60) for _ in range(12)]
        for connection in connections:
            connection.sendall(b"GET /albums/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")

        with dripping(connections):
            polling.until(installation.answers, 240, "the pages do not respond")
        for connection in connections:
            connection.settimeout(60)
            with suppress(ConnectionResetError):
                assert connection.recv(1000) == b""
            connection.close()
