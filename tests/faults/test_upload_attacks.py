"""One person who attacks the addresses of uploads, and another who uploads meanwhile, through the real web server."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from tests import polling
from tests.faults.test_crowd import PATIENCE, dripping, tus_session
from tests.faults.test_tus_line import create, dial, offset, patch, raw_file
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

LENGTH = 1 << 20
THREADS, OF_ONE = 8, 6
"""Of 8 threads 7 take in files, and 6 of them those of one person."""
REFUSED = 8


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    environment = {"WEB_THREADS": str(THREADS), "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    with Installation(tmp_path_factory.mktemp("attacked"), environment) as installation:
        other = ("createsuperuser", "--noinput", "--username", "other", "--email", "other@example.com")
        installation.manage(*other, env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
        installation.start("serve")
        yield installation


def session_of(installation: Installation, name: str) -> requests.Session:
    session = installation.sign_in(name)
    headers = {"Tus-Resumable": "1.0.0", "X-CSRFToken": session.cookies["csrftoken"], "Origin": installation.url}
    session.headers.update(headers)
    return session


def descriptors(installation: Installation) -> int:
    """Connections and files on their way that the web server has open. SQLite keeps its own for the next who asks."""
    server = installation.processes["serve"].pid
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    opened = []
    for pid in (server, *children):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # it has just been closed
                opened.append(str(descriptor.readlink()))
    return sum(name.startswith("socket:") or "/incoming/" in name for name in opened)


def answer_on(line: socket.socket) -> str:
    """All that the server says until it hangs up."""
    line.settimeout(240)
    said = b""
    with suppress(OSError):
        while piece := line.recv(65536):
            said += piece
    return said.decode(errors="replace")


@pytest.mark.smoke
def test_who_takes_all_that_is_given_keeps_nobody_from_uploading(installation):
    attacker, other = tus_session(installation), session_of(installation, "other")
    album, theirs = installation.new_album(attacker, "Attacked"), installation.new_album(other, "Theirs")
    addresses = [create(installation, attacker, album, LENGTH) for _ in range(OF_ONE + 1)]
    content = making.jpeg((600, 400))
    before = descriptors(installation)

    with ExitStack() as stack:

        def begin(session: requests.Session, address: str, at: int) -> socket.socket:
            return stack.enter_context(dial(installation, session, address, at, LENGTH, {"Tus-Resumable": "1.0.0"}))

        slow = [begin(attacker, address, 0) for address in addresses[:OF_ONE]]
        for line in slow:
            line.sendall(b"x")
        begun = [raw_file(installation, address) for address in addresses[:OF_ONE]]
        polling.until(
            lambda: all(draft.exists() and draft.stat().st_size for draft in begun), 240, "not all are taken in"
        )
        last = addresses[OF_ONE]
        stack.enter_context(dripping(slow))
        told = patch(attacker, last, 0, b"x")
        unknown = [begin(requests.Session(), last, 0) for _ in range(REFUSED)]
        wrong = [begin(other, last, 0) for _ in range(REFUSED)]
        stack.enter_context(dripping([*unknown, *wrong]))

        address = create(installation, other, theirs, len(content))
        assert patch(other, address, 0, content).status_code == 204
        assert requests.get(f"{installation.url}/healthz", timeout=PATIENCE).status_code == 200
        assert other.get(f"{installation.url}/albums/{theirs}/", timeout=PATIENCE).status_code == 200
        assert (told.status_code, told.json()["error"], told.headers["Retry-After"]) == (503, "too-many-at-once", "5")
        assert {answer_on(line)[:12] for line in unknown} == {"HTTP/1.1 401"}

    polling.until(
        lambda: patch(attacker, last, offset(attacker, last), b"x").status_code == 204, 240, "no place is free"
    )
    polling.until(lambda: descriptors(installation) <= before + 2, 240, "descriptors stay open")


def test_files_that_are_sent_to_other_pages_are_nowhere_on_the_disk(installation):
    session = session_of(installation, "other")
    incoming = installation.data_dir / "incoming"
    there = set(incoming.iterdir())

    token = session.cookies["csrftoken"]
    anybody = requests.Session()
    anybody.cookies.set("csrftoken", token)

    for address in ("/accounts/login/", "/admin/login/", "/albums/new/", "/welcome/x/"):
        for sender in (anybody, session):
            form = {"csrfmiddlewaretoken": token}
            with suppress(requests.ConnectionError):  # it hung up before all was sent
                answer = sender.post(
                    f"{installation.url}{address}",
                    form,
                    files={"file": bytes(8 << 20)},
                    timeout=240,
                    allow_redirects=False,
                )
                assert answer.status_code in (302, 400, 404, 413, 415)

    assert set(incoming.iterdir()) == there
    assert installation.answers()


def test_one_byte_of_each_of_many_large_files_takes_nobodys_room(installation):
    attacker, other = tus_session(installation), session_of(installation, "other")
    theirs = installation.new_album(other, "Room")
    album = installation.new_album(attacker, "Claims")
    for _ in range(33):
        assert patch(attacker, create(installation, attacker, album, 2 << 30), 0, b"x").status_code == 204

    content = making.jpeg((500, 400))
    address = create(installation, other, theirs, len(content))

    assert patch(other, address, 0, content).status_code == 204


def test_an_upload_that_trickles_is_ended_and_goes_on_from_what_arrived(tmp_path):
    slow = {"MIN_UPLOAD_RATE": "1M", "MIN_RATE_SECONDS": "2", "BODY_IDLE_SECONDS": "600"}
    with Installation(tmp_path, slow) as installation:
        installation.start("serve")
        session = tus_session(installation)
        content = making.jpeg((1200, 900))
        address = create(installation, session, installation.new_album(session, "Slow"), len(content))

        with dial(installation, session, address, 0, len(content)) as line:
            line.sendall(content[:1000])
            head, _, body = answer_on(line).partition("\r\n\r\n")

        assert (" 409 " in head, json.loads(body)["error"]) == (True, "too-slow")
        there = offset(session, address)
        assert there >= 1000
        assert patch(session, address, there, content[there:]).status_code == 204
