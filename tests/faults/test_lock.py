"""Of several forms sent to one album at once, exactly one opens a batch. On both databases, through the real web server."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from processing.models.deadlines import SILENCE_SECONDS
from tests import polling, servers
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SENDERS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request, tmp_path):
    env = {}
    if request.param == "postgresql":
        env["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
    with Installation(tmp_path, env) as installation:
        installation.start("serve")
        yield installation


def test_twenty_simultaneous_forms_open_one_batch(installation):
    session = installation.sign_in()
    album, other_album = installation.new_album(session, "Summer"), installation.new_album(session, "Winter")
    sessions = [installation.sign_in() for _ in range(SENDERS)]
    start = Barrier(SENDERS)

    def send(session):
        start.wait(240)
        return installation.send(
            session, album, {"one.jpg": making.jpeg((800, 600)), "two.jpg": making.jpeg((800, 600))}
        )

    with ThreadPoolExecutor(SENDERS) as pool:
        responses = list(pool.map(send, sessions))

    assert sorted(response.status_code for response in responses) == [200, *[409] * (SENDERS - 1)]
    running = {response.json()["batch"]["id"] for response in responses if response.status_code == 409}
    assert len(running) == 1
    assert installation.status()["jobs"]["pending"] == 2
    assert installation.send(session, other_album, {"three.jpg": making.jpeg()}).status_code == 200


@pytest.mark.embedded
def test_an_album_is_unlocked_after_the_web_process_of_a_form_was_killed(tmp_path):
    with Installation(tmp_path) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        with half_a_form(installation, session, album):
            polling.until(lambda: installation.ask(RECEIVING_COUNT) == [(2,)], what="the form does not arrive")
            installation.kill("serve")
        installation.start("serve")
        assert installation.send(session, album, {"two.jpg": making.jpeg()}).status_code == 409

        installation.change(f"UPDATE processing_upload SET expires_at = datetime(expires_at, '-{SILENCE} seconds')")

        assert installation.send(session, album, {"two.jpg": making.jpeg()}).status_code == 200
        uploads = installation.ask("SELECT name, state, code FROM processing_upload ORDER BY created_at")
        assert uploads == [
            ("whole.jpg", "expired", "cut-off"),
            ("half.jpg", "expired", "cut-off"),
            ("two.jpg", "received", ""),
        ]


RECEIVING_COUNT = "SELECT count(*) FROM processing_upload WHERE state = 'receiving'"
SILENCE = SILENCE_SECONDS + 1


def half_a_form(installation: Installation, session: requests.Session, album: int) -> socket.socket:
    """Send a form with one complete file and half of another, and return the open connection."""
    part = '--X\r\nContent-Disposition: form-data; name="photos"; filename="{}"\r\n\r\n'
    body = f"{part.format('whole.jpg')}it is whole\r\n{part.format('half.jpg')}".encode() + bytes(1 << 20)
    headers = {
        "Host": f"{servers.HOST}:{installation.port}",
        "Content-Type": "multipart/form-data; boundary=X",
        "Content-Length": str(2 * len(body)),
        "X-CSRFToken": session.cookies["csrftoken"],
        "Cookie": "; ".join(f"{name}={value}" for name, value in session.cookies.items()),
        "Origin": installation.url,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection((servers.HOST, installation.port), timeout=60)
    connection.sendall(f"POST /albums/{album}/uploads/ HTTP/1.1\r\n{head}\r\n".encode() + body)
    return connection
