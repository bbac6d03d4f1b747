"""Clients that ask without a pause: each is answered, and those who come later too."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import polling, servers
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.servers]

ASKED = b"GET /healthz HTTP/1.1\r\nHost: %b\r\n\r\n"


def ask(line: socket.socket, installation: Installation) -> str:
    """The answer's first line. Its body is read to the end, so that the line can be used again."""
    line.sendall(ASKED % installation.url.removeprefix("http://").encode())
    with line.makefile("rb") as answer:
        status = answer.readline().decode().strip()
        length = 0
        while (header := answer.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer.read(length)
    return status


@contextmanager
def hurrying(installation: Installation, count: int) -> Iterator[list[int]]:
    """So many lines that ask for as long as the context lasts; how many answers each had."""
    is_over, answers = threading.Event(), [0] * count

    def hurry(number: int) -> None:
        with socket.create_connection((servers.HOST, installation.port), timeout=120) as line:
            while not is_over.is_set():
                assert ask(line, installation) == "HTTP/1.1 200 OK"
                answers[number] += 1

    threads = [threading.Thread(target=hurry, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join(120)


def test_who_asks_without_a_pause_starves_nobody(tmp_path) -> None:
    with Installation(tmp_path, {"WEB_THREADS": "2"}) as installation:
        installation.start("serve")

        with hurrying(installation, 6) as answers:
            polling.until(lambda: min(answers) > 0, what="one of those who hurry is not answered")
            for _ in range(20):
                with socket.create_connection((servers.HOST, installation.port), timeout=120) as line:
                    assert ask(line, installation) == "HTTP/1.1 200 OK"
            polling.until(lambda: min(answers) > 20, what="one of those who hurry starves")


def test_requests_in_one_piece_are_answered_one_after_the_other(tmp_path) -> None:
    """More of them than a thread answers in a row."""
    with Installation(tmp_path, {}) as installation:
        installation.start("serve")
        asked = ASKED % installation.url.removeprefix("http://").encode()
        with socket.create_connection((servers.HOST, installation.port), timeout=120) as line:
            line.sendall(asked * 39 + asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

            told = b"".join(iter(lambda: line.recv(65536), b""))

        assert told.count(b"HTTP/1.1 200 OK") == 40
