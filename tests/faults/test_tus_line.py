"""Resumable uploads over real connections: cut, chunked, or taken over by a second one, through the real web server."""

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

MAX_LOST_BYTES = 16 << 10


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
    response = session.post(
        f"{installation.url}/albums/{album}/uploads/tus/", headers={"Upload-Length": str(length)}, timeout=60
    )
    assert response.status_code == 201, response.text
    return str(response.headers["Location"])


def offset(session, address: str) -> int:
    return int(session.head(address, timeout=60).headers["Upload-Offset"])


def patch(session, address: str, at: int, body, more: dict[str, str] | None = None) -> requests.Response:
    headers = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"} | (more or {})
    return session.patch(address, data=body, headers=headers, timeout=240)


def arrived(installation) -> int:
    """Return the number of bytes in the upload's row, which is shown as progress."""
    [(count,)] = installation.ask("SELECT arrived FROM processing_upload")
    return int(count)


def start_patch(
    installation, session, address: str, at: int, length: int, more: dict[str, str] | None = None
) -> socket.socket:
    """Send the headers of a PATCH, and return the connection on which the test sends its body."""
    prepared = session.prepare_request(requests.Request("PATCH", address))
    headers = {
        **prepared.headers,
        "Accept-Encoding": "identity",
        "Host": f"{servers.HOST}:{installation.port}",
        "Content-Length": str(length),
    }
    headers |= {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"} | (more or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    path = re.sub(r"^https?://[^/]+", "", address)
    connection = socket.create_connection((servers.HOST, installation.port), timeout=60)
    connection.sendall(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode())
    return connection


def raw_file(installation, address: str) -> Path:
    return installation.data_dir / "incoming" / (address.rstrip("/").rsplit("/", 1)[-1] + ".part")


def wait_for_photo(installation, session, album: int) -> None:
    page = f"{installation.url}/albums/{album}/"
    polling.until(lambda: 'class="tile ' in session.get(page, timeout=60).text, 240, "the photo does not appear")


def original_of(installation, session, album: int) -> bytes:
    link = re.search(r"/photos/(\d+)/", session.get(f"{installation.url}/albums/{album}/", timeout=60).text)
    assert link
    return session.get(f"{installation.url}/photos/{link[1]}/original/", timeout=60).content


def test_bytes_before_a_lost_connection_are_kept_and_the_upload_resumes_after_them(
    installation, session, album, content
):
    address = create(installation, session, album, len(content))
    sent = 1_000_000
    connection = start_patch(installation, session, address, 0, len(content))
    connection.sendall(content[:sent])
    connection.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
    )  # reset, as when a phone loses the network; bytes that are not sent yet are discarded
    draft = raw_file(installation, address)
    polling.until(lambda: draft.stat().st_size >= sent - MAX_LOST_BYTES, what="more bytes than that are only in memory")
    connection.close()

    resume_offset = offset(session, address)
    assert resume_offset >= sent - MAX_LOST_BYTES
    assert patch(session, address, resume_offset, content[resume_offset:]).status_code == 204

    wait_for_photo(installation, session, album)
    assert original_of(installation, session, album) == content


def test_bytes_before_a_half_closed_connection_are_kept_too(installation, session, album, content):
    address = create(installation, session, album, len(content))
    connection = start_patch(installation, session, address, 0, len(content))
    connection.sendall(content[:500_000])
    connection.shutdown(socket.SHUT_WR)
    connection.recv(65536)
    connection.close()

    assert offset(session, address) >= 500_000 - MAX_LOST_BYTES
    session.delete(address, timeout=60)


def test_a_chunked_body_is_accepted(installation, session, album, content):
    address = create(installation, session, album, len(content))

    response = patch(session, address, 0, (content[start : start + 70_000] for start in range(0, len(content), 70_000)))

    assert (response.status_code, response.headers["Upload-Offset"]) == (204, str(len(content)))
    wait_for_photo(installation, session, album)


def test_a_chunked_body_that_exceeds_the_upload_length_is_rejected(installation, session, album):
    address = create(installation, session, album, 1000)

    response = patch(session, address, 0, iter([bytes(700), bytes(700)]))

    assert response.status_code == 413


def test_a_large_part_with_a_checksum_is_discarded_when_the_server_is_killed(tmp_path):
    first, part = bytes(1_000_000), bytes(range(256)) * (20_000_000 // 256)
    checksum = {"Upload-Checksum": f"sha256 {base64.b64encode(hashlib.sha256(part).digest()).decode()}"}
    with Installation(tmp_path) as installation:
        installation.start("serve")
        session = tus_session(installation)
        address = create(installation, session, installation.new_album(session, "Killed"), len(first) + len(part))
        assert patch(session, address, 0, first).status_code == 204
        connection = start_patch(installation, session, address, len(first), len(part), checksum)
        connection.sendall(part[:-1])
        draft = raw_file(installation, address)
        polling.until(lambda: draft.stat().st_size > len(first) + len(part) // 2, what="no bytes arrive")
        assert arrived(installation) <= len(first), "told as arrived before it is proved"

        installation.kill("serve")
        connection.close()
        installation.start("serve")

        assert offset(session, address) == len(first)
        assert draft.stat().st_size == len(first)
        assert patch(session, address, len(first), part, checksum).status_code == 204
        [(state, sha256)] = installation.ask("SELECT state, sha256 FROM processing_upload")
        assert (state, sha256) == ("received", hashlib.sha256(first + part).hexdigest())


def test_asking_for_the_offset_fences_the_previous_writer(installation, session, album, content):
    address = create(installation, session, album, len(content))
    previous_writer = start_patch(installation, session, address, 0, len(content))
    previous_writer.sendall(content[:400_000])
    draft = raw_file(installation, address)
    polling.until(
        lambda: draft.stat().st_size >= 400_000 - MAX_LOST_BYTES, what="more bytes than that are only in memory"
    )

    resume_offset = offset(session, address)
    previous_writer.sendall(b"X" * 400_000)
    response = patch(session, address, resume_offset, content[resume_offset:])
    previous_writer.close()

    assert response.status_code == 204
    wait_for_photo(installation, session, album)
    original = original_of(installation, session, album)
    assert hashlib.sha256(original).digest() == hashlib.sha256(content).digest()


def test_a_killed_web_server_loses_no_acknowledged_bytes(installation, session, album, content):
    address = create(installation, session, album, len(content))
    assert patch(session, address, 0, content[:600_000]).status_code == 204
    installation.kill("serve")
    installation.start("serve")

    assert offset(session, address) == 600_000
    assert patch(session, address, 600_000, content[600_000:]).status_code == 204
    wait_for_photo(installation, session, album)
    installation.wait_until_idle()
    installation.manage("verify")
