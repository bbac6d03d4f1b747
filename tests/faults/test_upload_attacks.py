"""One user attacks the upload endpoints while another user uploads, through the real web server."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from tests import polling
from tests.faults.test_crowd import PAGE_SECONDS, dripping, tus_session
from tests.faults.test_tus_line import create, offset, patch, raw_file, start_patch
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

LENGTH = 1 << 20
THREADS, USER_SLOTS = 8, 6
"""7 of 8 threads receive files, at most 6 of them for one user."""
REJECTED = 8


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    environment = {"WEB_THREADS": str(THREADS), "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    with Installation(tmp_path_factory.mktemp("attacked"), environment) as installation:
        command = ("createsuperuser", "--noinput", "--username", "other", "--email", "other@example.com")
        installation.manage(*command, env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
        installation.start("serve")
        yield installation


def session_of(installation: Installation, name: str) -> requests.Session:
    session = installation.sign_in(name)
    headers = {"Tus-Resumable": "1.0.0", "X-CSRFToken": session.cookies["csrftoken"], "Origin": installation.url}
    session.headers.update(headers)
    return session


def descriptors(installation: Installation) -> int:
    """Count the connections and incoming files that the web server has open. SQLite keeps its own for later connections."""
    server = installation.processes["serve"].pid
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    targets = []
    for pid in (server, *children):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # it has just been closed
                targets.append(str(descriptor.readlink()))
    return sum(name.startswith("socket:") or "/incoming/" in name for name in targets)


def read_to_end(connection: socket.socket) -> str:
    """Return everything that the server sends until it closes the connection."""
    connection.settimeout(240)
    received = b""
    with suppress(OSError):
        while chunk := connection.recv(65536):
            received += chunk
    return received.decode(errors="replace")


@pytest.mark.smoke
def test_a_user_with_all_their_upload_slots_in_use_does_not_block_another_user(installation):
    attacker, other_user = tus_session(installation), session_of(installation, "other")
    album, other_album = installation.new_album(attacker, "Attacked"), installation.new_album(other_user, "Theirs")
    addresses = [create(installation, attacker, album, LENGTH) for _ in range(USER_SLOTS + 1)]
    content = making.jpeg((600, 400))
    before = descriptors(installation)

    with ExitStack() as stack:

        def begin(session: requests.Session, address: str, at: int) -> socket.socket:
            return stack.enter_context(
                start_patch(installation, session, address, at, LENGTH, {"Tus-Resumable": "1.0.0"})
            )

        slow_connections = [begin(attacker, address, 0) for address in addresses[:USER_SLOTS]]
        for connection in slow_connections:
            connection.sendall(b"x")
        drafts = [raw_file(installation, address) for address in addresses[:USER_SLOTS]]
        polling.until(
            lambda: all(draft.exists() and draft.stat().st_size for draft in drafts), 240, "not all are taken in"
        )
        last = addresses[USER_SLOTS]
        stack.enter_context(dripping(slow_connections))
        rejected = patch(attacker, last, 0, b"x")
        anonymous_connections = [begin(requests.Session(), last, 0) for _ in range(REJECTED)]
        foreign_connections = [begin(other_user, last, 0) for _ in range(REJECTED)]
        stack.enter_context(dripping([*anonymous_connections, *foreign_connections]))

        address = create(installation, other_user, other_album, len(content))
        assert patch(other_user, address, 0, content).status_code == 204
        assert requests.get(f"{installation.url}/healthz", timeout=PAGE_SECONDS).status_code == 200
        assert other_user.get(f"{installation.url}/albums/{other_album}/", timeout=PAGE_SECONDS).status_code == 200
        assert (rejected.status_code, rejected.json()["error"], rejected.headers["Retry-After"]) == (
            503,
            "too-many-at-once",
            "5",
        )
        assert {read_to_end(connection)[:12] for connection in anonymous_connections} == {"HTTP/1.1 401"}

    polling.until(
        lambda: patch(attacker, last, offset(attacker, last), b"x").status_code == 204,
        240,
        "no upload slot becomes free",
    )
    polling.until(lambda: descriptors(installation) <= before + 2, 240, "descriptors stay open")


def test_files_sent_to_pages_that_take_none_are_not_written_to_disk(installation):
    session = session_of(installation, "other")
    incoming = installation.data_dir / "incoming"
    files_before = set(incoming.iterdir())

    token = session.cookies["csrftoken"]
    anonymous = requests.Session()
    anonymous.cookies.set("csrftoken", token)

    for address in ("/accounts/login/", "/admin/login/", "/albums/new/", "/welcome/x/"):
        for sender in (anonymous, session):
            form = {"csrfmiddlewaretoken": token}
            with suppress(requests.ConnectionError):  # the server closed the connection before everything was sent
                response = sender.post(
                    f"{installation.url}{address}",
                    form,
                    files={"file": bytes(8 << 20)},
                    timeout=240,
                    allow_redirects=False,
                )
                assert response.status_code in (302, 400, 404, 413, 415)

    assert set(incoming.iterdir()) == files_before
    assert installation.answers()


def test_large_uploads_with_one_byte_received_leave_space_for_other_users(installation):
    attacker, other_user = tus_session(installation), session_of(installation, "other")
    other_album = installation.new_album(other_user, "Room")
    album = installation.new_album(attacker, "Claims")
    for _ in range(33):
        assert patch(attacker, create(installation, attacker, album, 2 << 30), 0, b"x").status_code == 204

    content = making.jpeg((500, 400))
    address = create(installation, other_user, other_album, len(content))

    assert patch(other_user, address, 0, content).status_code == 204


def test_an_upload_that_is_too_slow_is_ended_and_resumes_after_the_received_bytes(tmp_path):
    slow = {"MIN_UPLOAD_RATE": "1M", "MIN_RATE_SECONDS": "2", "BODY_IDLE_SECONDS": "600"}
    with Installation(tmp_path, slow) as installation:
        installation.start("serve")
        session = tus_session(installation)
        content = making.jpeg((1200, 900))
        address = create(installation, session, installation.new_album(session, "Slow"), len(content))

        with start_patch(installation, session, address, 0, len(content)) as connection:
            connection.sendall(content[:1000])
            head, _, body = read_to_end(connection).partition("\r\n\r\n")

        assert (" 409 " in head, json.loads(body)["error"]) == (True, "too-slow")
        resume_offset = offset(session, address)
        assert resume_offset >= 1000
        assert patch(session, address, resume_offset, content[resume_offset:]).status_code == 204
