"""One user occupies threads by requests that take long, while others open pages, sign in and upload, on the real web server."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from tests import polling
from tests.faults.test_attacks import Server, assert_others_are_served, target_of
from tests.installation import PASSWORD, Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded, pytest.mark.smoke]

REQUESTS = 20
"""More than there are threads."""
CREATE = """
from django.contrib.auth.models import User
from albums.models import Album
from tests.albums.grid.filling import fill
attacker = User.objects.create_user("attacker", "attacker@example.com", {password!r})
photo, = fill(Album.objects.create(title="Slow", owner=attacker), 1)
print(photo.pk, photo.original_key)
"""


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    with Installation(tmp_path, {"WEB_THREADS": "4", "BODY_IDLE_SECONDS": "600"}) as installation:
        installation.start("serve")
        yield Server(target_of(installation, installation.url), installation, "serve")


@pytest.fixture
def slow_photo(server) -> tuple[int, Path]:
    """The id of a photo whose original is a FIFO, and its path. A request for it keeps its thread until something is written."""
    code = CREATE.format(password=PASSWORD)
    pk, key = server.installation.manage("shell", "--no-imports", "-c", code).stdout.split()
    path = server.installation.data_dir / key
    os.mkfifo(path)
    return int(pk), path


def let_go(fifo: Path) -> None:
    """Ends the requests that read the FIFO now: their file is empty."""

    def write() -> bool:
        with suppress(OSError):  # ENXIO: nothing reads it yet
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            return True
        return False

    polling.until(write, what="no request reads the original")


def request(server: Server, session: requests.Session, path: str) -> bytes:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    return server.target.request("GET", path, {"Cookie": cookies})


def test_a_user_whose_requests_take_long_does_not_block_others(server, slow_photo) -> None:
    """However many sessions the user has. Requests that a client has given up are not handled when their turn comes."""
    pk, fifo = slow_photo
    url, timeout = server.target.url, 120
    sessions = [server.installation.sign_in("attacker") for _ in range(3)]
    for session in sessions:
        assert session.get(f"{url}/albums/", timeout=timeout).status_code == 200
    response_times, descriptors = server.response_times(), server.descriptors()

    with ExitStack() as stack:
        stack.callback(let_go, fifo)
        connections = [stack.enter_context(server.target.connect()) for _ in range(REQUESTS)]
        for number, connection in enumerate(connections):
            connection.sendall(request(server, sessions[number % len(sessions)], f"/photos/{pk}/original/"))

        for response_time in response_times:
            response_time.assert_within_limit()
        assert_others_are_served(server)

    polling.until(lambda: server.descriptors() <= descriptors + 10, what="connections of the attack are still open")
    assert sessions[0].get(f"{url}/albums/", timeout=timeout).status_code == 200


def test_downloads_that_are_not_read_do_not_block_others_or_the_pages_of_their_user(server, slow_photo) -> None:
    _, fifo = slow_photo
    attacker = server.installation.sign_in("attacker")
    server.installation.change("UPDATE albums_photo SET crc32 = 0, original_bytes = 8000000")
    fifo.unlink()
    fifo.write_bytes(bytes(8_000_000))
    archive = request(server, attacker, "/albums/2/download.zip?size=original")

    with ExitStack() as stack:
        connections: list[socket.socket] = []
        for _ in range(REQUESTS):
            connections.append(stack.enter_context(server.target.connect(receive_buffer=2048)))
            connections[-1].sendall(archive)
        statuses = sorted(connection.recv(12, socket.MSG_WAITALL) for connection in connections)

        assert statuses == [b"HTTP/1.1 200"] + [b"HTTP/1.1 503"] * (REQUESTS - 1)
        assert attacker.get(f"{server.target.url}/albums/", timeout=120).status_code == 200
        assert_others_are_served(server)
