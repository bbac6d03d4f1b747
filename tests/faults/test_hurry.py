"""Clients that send requests without a pause: each receives responses, and so do later clients."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import polling, servers
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: %b\r\n\r\n"


def send_request(connection: socket.socket, installation: Installation) -> str:
    """Return the response's status line. Its body is read to the end, so that the connection can be used again."""
    connection.sendall(REQUEST % installation.url.removeprefix("http://").encode())
    with connection.makefile("rb") as response:
        status = response.readline().decode().strip()
        length = 0
        while (header := response.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        response.read(length)
    return status


@contextmanager
def continuous_clients(installation: Installation, count: int) -> Iterator[list[int]]:
    """Run `count` clients that send requests while the context lasts; yield the number of responses to each."""
    is_over, response_counts = threading.Event(), [0] * count

    def run(number: int) -> None:
        with socket.create_connection((servers.HOST, installation.port), timeout=120) as connection:
            while not is_over.is_set():
                assert send_request(connection, installation) == "HTTP/1.1 200 OK"
                response_counts[number] += 1

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield response_counts
    finally:
        is_over.set()
        for thread in threads:
            thread.join(120)


def test_clients_without_a_pause_do_not_starve_other_clients(tmp_path) -> None:
    with Installation(tmp_path, {"WEB_THREADS": "2"}) as installation:
        installation.start("serve")

        with continuous_clients(installation, 6) as response_counts:
            polling.until(lambda: min(response_counts) > 0, what="a client gets no response")
            for _ in range(20):
                with socket.create_connection((servers.HOST, installation.port), timeout=120) as connection:
                    assert send_request(connection, installation) == "HTTP/1.1 200 OK"
            polling.until(lambda: min(response_counts) > 20, what="a client gets no more responses")


def test_pipelined_requests_all_receive_a_response(tmp_path) -> None:
    """Sends more requests than a thread handles in a row for one connection."""
    with Installation(tmp_path, {}) as installation:
        installation.start("serve")
        request = REQUEST % installation.url.removeprefix("http://").encode()
        with socket.create_connection((servers.HOST, installation.port), timeout=120) as connection:
            connection.sendall(request * 39 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

            received = b"".join(iter(lambda: connection.recv(65536), b""))

        assert received.count(b"HTTP/1.1 200 OK") == 40
