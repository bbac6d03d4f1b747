"""What the proxy holds against the page: bytes sent again although a browser had heard that they were there."""

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


def sent(proxy: Proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A PATCH of four bytes: the browser's end of its line, and the server's, which has read it."""
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(b"PATCH /uploads/one/ HTTP/1.1\r\nUpload-Offset: 0\r\nContent-Length: 4" + HEAD_END + b"1234")
    end, _ = server.accept()
    read = b""
    while not read.endswith(HEAD_END + b"1234"):
        read += end.recv(1000)
    return browser, end


def is_closed(line: socket.socket) -> bool:
    try:
        line.send(b"?")
    except OSError:
        return True
    return False


def test_what_a_browser_heard_of_is_held_against_it(proxy: Proxy, server: socket.socket) -> None:
    browser, end = sent(proxy, server)
    end.sendall(ACKNOWLEDGED)
    assert browser.recv(1000) == ACKNOWLEDGED

    sent(proxy, server)

    assert resent(proxy.patches) == ["one: 0 although 4 were acknowledged"]


def test_what_was_told_after_it_began_is_not(proxy: Proxy, server: socket.socket) -> None:
    browser, end = sent(proxy, server)
    sent(proxy, server)

    end.sendall(ACKNOWLEDGED)

    assert browser.recv(1000) == ACKNOWLEDGED
    polling.until(lambda: proxy.patches[0].acknowledged == 4, 30, "the answer is not written down")
    assert resent(proxy.patches) == []


def test_what_was_told_to_a_page_that_is_gone_is_not(proxy: Proxy, server: socket.socket) -> None:
    browser, end = sent(proxy, server)
    browser.close()
    assert end.recv(1) == b"", "the server is told that it is gone"
    end.sendall(ACKNOWLEDGED)
    polling.until(lambda: is_closed(end), 30, "the proxy has not read the answer to its end")

    sent(proxy, server)

    assert resent(proxy.patches) == []


def test_a_held_request_is_passed_on_in_part_until_it_is_released(proxy: Proxy, server: socket.socket) -> None:
    proxy.gate.hold()
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    end, _ = server.accept()
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")
    assert read(end, len(HEAD) + BEGINNING) == HEAD + bytes(BEGINNING)

    proxy.gate.release()

    assert read(end, BODY - BEGINNING) == bytes(BODY - BEGINNING)
    assert proxy.passed() == BODY


def test_a_held_request_that_its_browser_gives_up_ends_at_the_server_too(proxy: Proxy, server: socket.socket) -> None:
    """Although more of its bytes are on their way than the proxy's connection takes unread."""
    proxy.gate.hold()
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    end, _ = server.accept()
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")

    browser.close()

    assert read(end, len(HEAD) + BODY) == HEAD + bytes(BEGINNING)
    assert proxy.gate.held == 0


def test_all_is_held_when_so_many_bytes_have_passed(proxy: Proxy, server: socket.socket) -> None:
    proxy.gate.hold_at(1_234_567)
    browser = socket.create_connection((servers.HOST, proxy.port))
    browser.sendall(HEAD + bytes(BODY))
    end, _ = server.accept()

    assert read(end, len(HEAD) + 1_234_567) == HEAD + bytes(1_234_567)
    polling.until(lambda: proxy.gate.held == 1, 30, "the request is not held")
    assert proxy.passed() == 1_234_567


def read(line: socket.socket, count: int) -> bytes:
    """The next `count` bytes, or fewer when the connection ends."""
    found = b""
    while len(found) < count and (piece := line.recv(count - len(found))):
        found += piece
    return found
