"""Senders who fall silent in the middle of a file: their threads are freed, their albums opened, and others served meanwhile."""

import socket

import pytest
import requests

from tests import polling, servers
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SILENT = 40
HALF = 600_000
"""Of a megabyte: enough for the server to see that a file has begun."""
FORM = '--X\r\nContent-Disposition: form-data; name="photos"; filename="silent.jpg"\r\n\r\n'


def fall_silent(installation: Installation, session: requests.Session, album: int) -> socket.socket:
    """A form that announces a megabyte, sends the beginning of a file, and no more."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    lines = {
        "Host": f"{servers.HOST}:{installation.port}",
        "Cookie": cookies,
        "Origin": installation.url,
        "X-CSRFToken": session.cookies["csrftoken"],
        "Content-Type": "multipart/form-data; boundary=X",
        "Content-Length": str(1 << 20),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    line = socket.create_connection((servers.HOST, installation.port), timeout=60)
    line.sendall(f"POST /albums/{album}/uploads/ HTTP/1.1\r\n{head}\r\n{FORM}".encode() + bytes(HALF))
    return line


def test_forty_silent_senders_starve_nobody(tmp_path) -> None:
    with Installation(tmp_path, {"BODY_IDLE_SECONDS": "5", "USER_UPLOADS": "64"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        albums = [installation.new_album(session, f"Album {number}") for number in range(SILENT)]
        lines = [fall_silent(installation, session, album) for album in albums]

        polling.until(installation.answers, 240, "the pages do not answer")

        polling.until(lambda: installation.status()["uploads"]["refused"] == SILENT, 240, "albums stay locked")
        assert installation.status()["uploads"]["receiving"] == 0
        fresh = installation.sign_in()  # the first session's kept line was hung up on too
        assert installation.send(fresh, albums[0], {"loud.jpg": making.jpeg()}).status_code == 200
        for line in lines:
            line.close()
