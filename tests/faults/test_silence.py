"""Senders that fall silent within a file: threads are freed, albums unlocked, and other requests served meanwhile."""

import socket

import pytest
import requests

from tests import polling, servers
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SENDERS = 40
FIRST_BYTES = 600_000
"""Of a megabyte: enough for the server to see that a file has started."""
FORM = '--X\r\nContent-Disposition: form-data; name="photos"; filename="silent.jpg"\r\n\r\n'


def send_silent_form(installation: Installation, session: requests.Session, album: int) -> socket.socket:
    """Send a form that declares a megabyte, with only the beginning of a file, and return the open connection."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    headers = {
        "Host": f"{servers.HOST}:{installation.port}",
        "Cookie": cookies,
        "Origin": installation.url,
        "X-CSRFToken": session.cookies["csrftoken"],
        "Content-Type": "multipart/form-data; boundary=X",
        "Content-Length": str(1 << 20),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection((servers.HOST, installation.port), timeout=60)
    connection.sendall(f"POST /albums/{album}/uploads/ HTTP/1.1\r\n{head}\r\n{FORM}".encode() + bytes(FIRST_BYTES))
    return connection


def test_forty_silent_senders_do_not_block_other_requests(tmp_path) -> None:
    with Installation(tmp_path, {"BODY_IDLE_SECONDS": "5", "USER_UPLOADS": "64"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        albums = [installation.new_album(session, f"Album {number}") for number in range(SENDERS)]
        connections = [send_silent_form(installation, session, album) for album in albums]

        polling.until(installation.answers, 240, "the pages do not respond")

        polling.until(lambda: installation.status()["uploads"]["refused"] == SENDERS, 240, "albums stay locked")
        assert installation.status()["uploads"]["receiving"] == 0
        new_session = installation.sign_in()  # the server closed the first session's connection too
        assert installation.send(new_session, albums[0], {"loud.jpg": making.jpeg()}).status_code == 200
        for connection in connections:
            connection.close()
