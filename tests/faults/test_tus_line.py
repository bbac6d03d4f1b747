"""Resumable uploads over real lines: cut, chunked, taken over, through the real web server."""

import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import polling, servers
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

KEPT_TO_WITHIN = 16 << 10


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    with Installation(
        tmp_path_factory.mktemp("tus"), {"SWEEP_SECONDS": "1", "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    ) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


def tus_session(installation: Installation) -> requests.Session:
    session = installation.sign_in()
    session.headers.update(
        {
            "Tus-Resumable": "1.0.0",
            "X-CSRFToken": session.cookies["csrftoken"],
            "Origin": installation.url,
        }
    )
    return session


@pytest.fixture
def session(installation) -> requests.Session:
    return tus_session(installation)


@pytest.fixture
def album(installation, session) -> int:
    return installation.new_album(session, "Resumed")


@pytest.fixture(scope="module")
def content() -> bytes:
    return making.jpeg((1200, 900)) + bytes(range(256)) * 8000


def create(installation, session, album: int, length: int) -> str:
    answer = session.post(
        f"{installation.url}/albums/{album}/uploads/tus/", headers={"Upload-Length": str(length)}, timeout=60
    )
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def offset(session, address: str) -> int:
    return int(session.head(address, timeout=60).headers["Upload-Offset"])


def patch(session, address: str, at: int, body, more: dict[str, str] | None = None) -> requests.Response:
    headers = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"} | (more or {})
    return session.patch(address, data=body, headers=headers, timeout=240)


def arrived(installation) -> int:
    """As the row tells it, for progress."""
    [(bytes_,)] = installation.ask("SELECT arrived FROM processing_upload")
    return int(bytes_)


def dial(
    installation, session, address: str, at: int, length: int, more: dict[str, str] | None = None
) -> socket.socket:
    """A PATCH whose headers were sent, and whose body the test sends as it likes."""
    prepared = session.prepare_request(requests.Request("PATCH", address))
    lines = {**prepared.headers, "Host": f"{servers.HOST}:{installation.port}", "Content-Length": str(length)}
    lines |= {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"} | (more or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    path = re.sub(r"^https?://[^/]+", "", address)
    line = socket.create_connection((servers.HOST, installation.port), timeout=60)
    line.sendall(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode())
    return line


def raw_file(installation, address: str) -> Path:
    return installation.data_dir / "incoming" / (address.rstrip("/").rsplit("/", 1)[-1] + ".part")


def wait_for_photo(installation, session, album: int) -> None:
    page = f"{installation.url}/albums/{album}/"
    polling.until(lambda: 'class="tile"' in session.get(page, timeout=60).text, 240, "the photo does not appear")


def original_of(installation, session, album: int) -> bytes:
    found = re.search(r"/photos/(\d+)/", session.get(f"{installation.url}/albums/{album}/", timeout=60).text)
    assert found
    return session.get(f"{installation.url}/photos/{found[1]}/original/", timeout=60).content


def test_what_arrived_before_the_line_broke_is_kept_and_the_rest_goes_on_from_there(
    installation, session, album, content
):
    address = create(installation, session, album, len(content))
    sent = 1_000_000
    line = dial(installation, session, address, 0, len(content))
    line.sendall(content[:sent])
    line.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
    )  # reset, as when a phone loses the network; what this side had not got rid of would go with it
    draft = raw_file(installation, address)
    polling.until(lambda: draft.stat().st_size >= sent - KEPT_TO_WITHIN, what="more than that wait in memory")
    line.close()

    there = offset(session, address)
    assert there >= sent - KEPT_TO_WITHIN
    assert patch(session, address, there, content[there:]).status_code == 204

    wait_for_photo(installation, session, album)
    assert original_of(installation, session, album) == content


def test_a_half_closed_line_keeps_its_bytes_too(installation, session, album, content):
    address = create(installation, session, album, len(content))
    line = dial(installation, session, address, 0, len(content))
    line.sendall(content[:500_000])
    line.shutdown(socket.SHUT_WR)
    line.recv(65536)
    line.close()

    assert offset(session, address) >= 500_000 - KEPT_TO_WITHIN
    session.delete(address, timeout=60)


def test_a_chunked_body_is_taken(installation, session, album, content):
    address = create(installation, session, album, len(content))

    answer = patch(session, address, 0, (content[n : n + 70_000] for n in range(0, len(content), 70_000)))

    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(len(content)))
    wait_for_photo(installation, session, album)


def test_a_chunked_body_that_is_too_long_is_cut_at_the_length(installation, session, album):
    address = create(installation, session, album, 1000)

    answer = patch(session, address, 0, iter([bytes(700), bytes(700)]))

    assert answer.status_code == 413


def test_of_a_large_checked_part_nothing_counts_when_the_server_is_killed(tmp_path):
    first, part = bytes(1_000_000), bytes(range(256)) * (20_000_000 // 256)
    checksum = {"Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(part).digest()).decode()}"}
    with Installation(tmp_path) as installation:
        installation.start("serve")
        session = tus_session(installation)
        address = create(installation, session, installation.new_album(session, "Killed"), len(first) + len(part))
        assert patch(session, address, 0, first).status_code == 204
        line = dial(installation, session, address, len(first), len(part), checksum)
        line.sendall(part[:-1])
        draft = raw_file(installation, address)
        polling.until(lambda: draft.stat().st_size > len(first) + len(part) // 2, what="no bytes arrive")
        assert arrived(installation) <= len(first), "told as arrived before it is proved"

        installation.kill("serve")
        line.close()
        installation.start("serve")

        assert offset(session, address) == len(first)
        assert draft.stat().st_size == len(first)
        assert patch(session, address, len(first), part, checksum).status_code == 204
        [(state, sha256)] = installation.ask("SELECT state, sha256 FROM processing_upload")
        assert (state, sha256) == ("received", hashlib.sha256(first + part).hexdigest())


def test_who_asks_for_the_offset_fences_off_the_writer_before(installation, session, album, content):
    address = create(installation, session, album, len(content))
    late = dial(installation, session, address, 0, len(content))
    late.sendall(content[:400_000])
    draft = raw_file(installation, address)
    polling.until(lambda: draft.stat().st_size >= 400_000 - KEPT_TO_WITHIN, what="more than that wait in memory")

    there = offset(session, address)
    late.sendall(b"X" * 400_000)
    answer = patch(session, address, there, content[there:])
    late.close()

    assert answer.status_code == 204
    wait_for_photo(installation, session, album)
    original = original_of(installation, session, album)
    assert hashlib.sha256(original).digest() == hashlib.sha256(content).digest()


def test_the_web_server_killed_in_the_middle_loses_nothing_that_was_acknowledged(installation, session, album, content):
    address = create(installation, session, album, len(content))
    assert patch(session, address, 0, content[:600_000]).status_code == 204
    installation.kill("serve")
    installation.start("serve")

    assert offset(session, address) == 600_000
    assert patch(session, address, 600_000, content[600_000:]).status_code == 204
    wait_for_photo(installation, session, album)
    installation.wait_until_idle()
    installation.manage("verify")
