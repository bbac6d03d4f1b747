"""The recording proxy finds bytes that were sent again although their acknowledgement had reached the browser."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests import polling, servers
from tests.browser.gate import BEGINNING
from tests.browser.recording import HEAD_END, Proxy, resent

ACKNOWLEDGED = b"HTTP/1.1 204 No Content\r\nUpload-Offset: 4" + HEAD_END
BODY = 2_000_000
HEAD = b"PATCH /uploads/one/ HTTP/1.1\r\nUpload-Offset: 0\r\nContent-Length: %d" % BODY + HEAD_END


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((servers.HOST, 0)) as listener:
        yield listener


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[Proxy]:
    with closing(Proxy(server.getsockname()[1])) as proxy:
        yield proxy


def send_patch(proxy: Proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Send a PATCH of four bytes; return the browser's end of the connection, and the server's, which has read it."""
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(b"PATCH /uploads/one/ HTTP/1.1\r\nUpload-Offset: 0\r\nContent-Length: 4" + HEAD_END + b"1234")
    connection, _ = server.accept()
    received = b""
    while not received.endswith(HEAD_END + b"1234"):
        received += connection.recv(1000)
    return browser, connection


def is_closed(connection: socket.socket) -> bool:
    try:
        connection.send(b"?")
    except OSError:
        return True
    return False


def test_bytes_resent_after_an_acknowledgement_are_reported(proxy: Proxy, server: socket.socket) -> None:
    browser, connection = send_patch(proxy, server)
    connection.sendall(ACKNOWLEDGED)
    assert browser.recv(1000) == ACKNOWLEDGED

    send_patch(proxy, server)

    assert resent(proxy.patches) == ["one: 0 although 4 were acknowledged"]


def test_bytes_resent_before_the_acknowledgement_are_not_reported(proxy: Proxy, server: socket.socket) -> None:
    browser, connection = send_patch(proxy, server)
    send_patch(proxy, server)

    connection.sendall(ACKNOWLEDGED)

    assert browser.recv(1000) == ACKNOWLEDGED
    polling.until(lambda: proxy.patches[0].acknowledged == 4, 30, "the response is not recorded")
    assert resent(proxy.patches) == []


def test_bytes_resent_after_an_acknowledgement_to_a_closed_page_are_not_reported(
    proxy: Proxy, server: socket.socket
) -> None:
    browser, connection = send_patch(proxy, server)
    browser.close()
    assert connection.recv(1) == b"", "the server is told that it is gone"
    connection.sendall(ACKNOWLEDGED)
    polling.until(lambda: is_closed(connection), 30, "the proxy has not read the whole response")

    send_patch(proxy, server)

    assert resent(proxy.patches) == []


def test_a_held_request_is_forwarded_in_part_until_it_is_released(proxy: Proxy, server: socket.socket) -> None:
    proxy.gate.hold()
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    connection, _ = server.accept()
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")
    assert read(connection, len(HEAD) + BEGINNING) == HEAD + bytes(BEGINNING)

    proxy.gate.release()

    assert read(connection, BODY - BEGINNING) == bytes(BODY - BEGINNING)
    assert proxy.passed() == BODY


def test_a_held_request_that_the_browser_cancels_ends_at_the_server_too(proxy: Proxy, server: socket.socket) -> None:
    """Its bytes in transit exceed the socket buffers of the proxy's connection."""
    proxy.gate.hold()
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    connection, _ = server.accept()
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")

    browser.close()

    assert read(connection, len(HEAD) + BODY) == HEAD + bytes(BEGINNING)
    assert proxy.gate.held == 0


def test_all_requests_are_held_after_a_number_of_bytes(proxy: Proxy, server: socket.socket) -> None:
    proxy.gate.hold_at(1_234_567)
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    connection, _ = server.accept()

    assert read(connection, len(HEAD) + 1_234_567) == HEAD + bytes(1_234_567)
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")
    assert proxy.passed() == 1_234_567


def read(connection: socket.socket, count: int) -> bytes:
    """Return the next `count` bytes, or fewer when the connection ends."""
    received = b""
    while len(received) < count and (chunk := connection.recv(count - len(received))):
        received += chunk
    return received
