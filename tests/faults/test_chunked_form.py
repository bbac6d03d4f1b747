"""Bodies without Content-Length (Transfer-Encoding: chunked), as programs and HTTP/2 send them, through the real web server."""

import socket
from collections.abc import Iterator

import pytest
import requests

from tests import polling, servers
from tests.installation import JSON, Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

BOUNDARY = "frontier"
CHUNK_BYTES = 70_001


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("chunked")) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def session(installation) -> requests.Session:
    session = installation.sign_in()
    del session.headers["Connection"]  # keep-alive, so that unread bytes of a body would be parsed as the next request
    session.headers.update({"X-CSRFToken": session.cookies["csrftoken"], "Origin": installation.url, **JSON})
    return session


@pytest.fixture
def album(installation, session) -> int:
    return installation.new_album(session, "Summer")


def form(files: dict[str, bytes]) -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photos"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files.items()
    )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def in_chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), CHUNK_BYTES):
        yield body[start : start + CHUNK_BYTES]


def send(installation, session, album: int, body: bytes) -> requests.Response:
    return session.post(
        f"{installation.url}/albums/{album}/uploads/",
        data=in_chunks(body),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        timeout=240,
        allow_redirects=False,
    )


def received(installation, album: int) -> list[tuple[str, int]]:
    return installation.ask(
        f"SELECT name, size FROM processing_upload WHERE album_id = {album} AND state = 'received' ORDER BY name"
    )


def test_a_chunked_form_is_received_completely(installation, session, album):
    files = {"one.jpg": making.jpeg((1200, 900)) + bytes(3_000_000), "two.jpg": making.jpeg()}

    response = send(installation, session, album, form(files))

    assert response.status_code in (200, 302), response.text
    assert received(installation, album) == [(name, len(content)) for name, content in files.items()]


def test_a_rejected_chunked_form_is_read_to_its_end_and_the_connection_stays_usable(installation, session, album):
    assert send(installation, session, album, form({"one.jpg": making.jpeg()})).ok

    rejected = send(installation, session, album, form({"two.jpg": making.jpeg() + bytes(3_000_000)}))

    assert (rejected.status_code, rejected.json()["error"]) == (409, "album-busy")
    assert session.get(f"{installation.url}/albums/{album}/", timeout=60).status_code == 200
    assert [name for name, _ in received(installation, album)] == ["one.jpg"]


def test_a_chunked_form_that_is_cut_off_keeps_its_complete_files(installation, session, album):
    complete_form, second_form = form({"whole.jpg": making.jpeg()}), form({"cut.jpg": bytes(200_000)})
    body = complete_form.removesuffix(f"--{BOUNDARY}--\r\n".encode()) + second_form[:100_000]
    address = f"{installation.url}/albums/{album}/uploads/"
    chunked_headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Transfer-Encoding": "chunked"}
    prepared = session.prepare_request(requests.Request("POST", address, headers=chunked_headers))
    headers = {**prepared.headers, "Accept-Encoding": "identity", "Host": f"{servers.HOST}:{installation.port}"}
    headers.pop("Content-Length", None)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    with socket.create_connection((servers.HOST, installation.port), timeout=60) as connection:
        connection.sendall(
            f"POST /albums/{album}/uploads/ HTTP/1.1\r\n{head}\r\n{len(body):x}\r\n".encode() + body + b"\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)

    polling.until(lambda: received(installation, album), what="the whole file is not kept")
    assert [name for name, _ in received(installation, album)] == ["whole.jpg"]
    rejected_files = f"SELECT name, code FROM processing_upload WHERE album_id = {album} AND state = 'refused'"
    assert installation.ask(rejected_files) == [("cut.jpg", "cut-off")]


def test_a_chunked_manifest_is_accepted(installation, session, album):
    response = session.post(
        f"{installation.url}/albums/{album}/uploads/manifest/",
        data=iter([b'{"open": false, ', b'"files": [{"name": "a.jpg", "size": 5}]}']),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )

    assert (response.status_code, response.json()["files"][0]["state"]) == (200, "new")
