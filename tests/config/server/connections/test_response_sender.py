"""Answers that are read slowly, through real sockets, whose buffers are as large as the system makes them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from config.server.connections import response_sender
from config.server.connections.response_sender import ClientSocket, ReadRate, Sender
from tests import polling

LARGE = 4_000_000
"""Bytes: more than the buffers of a connection that nobody reads."""


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The server's, and the client's, which has a small buffer."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.settimeout(60)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        with ClientSocket(listener.accept()[0], idle_seconds=60) as server:
            yield server, client


def read(client: socket.socket, count: int) -> bytes:
    content = bytearray()
    while len(content) < count and (piece := client.recv(min(count - len(content), 1 << 20))):
        content += piece
    return bytes(content)


def sent_by(sender: Sender, server: ClientSocket) -> "tuple[threading.Event, list[bool]]":
    """Set when the sender has done with it, and what it told then."""
    is_over, told = threading.Event(), []

    def note(is_sent: bool) -> None:
        told.append(is_sent)
        is_over.set()

    sender.send(server, note)
    return is_over, told


def test_a_small_answer_goes_out_at_once(ends):
    server, client = ends

    server.sendall(b"an answer")

    assert (server.has_kept, read(client, 9)) == (False, b"an answer")


def test_what_the_client_does_not_read_is_kept_and_sent_in_order(ends, tmp_path):
    server, client = ends
    (tmp_path / "file").write_bytes(b"0123456789" * (LARGE // 10))

    server.sendall(b"a" * LARGE)
    with (tmp_path / "file").open("rb") as file:
        assert server.sendfile(file, 5, LARGE - 10) == LARGE - 10
    server.sendall(b"end")
    assert server.has_kept
    is_over, told = sent_by(Sender(60), server)

    assert read(client, LARGE) == b"a" * LARGE
    assert read(client, LARGE - 10) == (b"0123456789" * (LARGE // 10))[5:-5]
    assert read(client, 3) == b"end"
    assert is_over.wait(60)
    assert (told, server.has_kept) == ([True], False)


def test_who_goes_away_is_given_up(ends):
    server, client = ends
    server.sendall(b"a" * LARGE)

    client.close()

    is_over, told = sent_by(Sender(60), server)
    assert is_over.wait(60)
    assert told == [False]


def test_who_reads_nothing_is_cut_off(ends):
    server, _ = ends
    server.sendall(b"a" * LARGE)

    is_over, told = sent_by(Sender(idle_seconds=0.1), server)

    assert is_over.wait(60)
    assert told == [False]


def test_of_all_that_waits_the_oldest_is_cut_off_when_it_is_too_much(ends, monkeypatch):
    server, _ = ends
    monkeypatch.setattr(response_sender, "MAX_TOTAL_BYTES", LARGE // 10)
    server.sendall(b"a" * LARGE)

    is_over, told = sent_by(Sender(600), server)

    assert is_over.wait(60)
    assert told == [False]


def test_the_one_that_takes_longest_can_be_cut_off(ends):
    server, _ = ends
    server.sendall(b"a" * LARGE)
    sender = Sender(600)
    assert not sender.cut_longest()
    is_over, told = sent_by(sender, server)

    assert sender.cut_longest()

    assert is_over.wait(60)
    assert told == [False]


def test_a_view_that_makes_more_than_is_kept_waits_for_its_client(ends, monkeypatch):
    server, client = ends
    monkeypatch.setattr(response_sender, "MAX_RESPONSE_BYTES", 100_000)

    def make() -> None:
        with suppress(OSError):  # the client goes away before the end
            for _ in range(6):
                server.sendall(b"a" * 1_000_000)

    content = threading.Thread(target=make)
    content.start()

    assert read(client, 5_000_000) == b"a" * 5_000_000
    client.close()
    content.join(60)
    assert not content.is_alive()


def test_a_view_does_not_wait_for_a_client_that_reads_nothing(ends, monkeypatch):
    server, _ = ends
    monkeypatch.setattr(response_sender, "MAX_RESPONSE_BYTES", 100_000)
    server._idle_seconds = 0.1

    with pytest.raises(ConnectionAbortedError):
        server.sendall(b"a" * LARGE)


def test_a_file_that_became_shorter_ends_the_answer(ends, tmp_path):
    server, _ = ends
    (tmp_path / "file").write_bytes(b"short")

    with (tmp_path / "file").open("rb") as file, pytest.raises(ConnectionAbortedError):
        server.sendfile(file, 0, 100)


def test_what_the_client_has_read_is_told_apart_from_what_was_sent(ends):
    server, client = ends
    server.sendall(b"a" * LARGE)
    assert not server.is_read
    is_over, _ = sent_by(Sender(60), server)

    read(client, LARGE)
    assert is_over.wait(60)
    server.shutdown(socket.SHUT_WR)

    polling.until(lambda: server.is_read, what="the end is taken for a byte that was not read")


def test_closing_forgets_what_the_client_did_not_read(ends):
    server, client = ends
    server.sendall(b"a" * LARGE)

    server.close()

    with pytest.raises(ConnectionResetError):
        read(client, LARGE)


def test_the_answer_arrives_although_a_view_stopped_reading(ends):
    server, client = ends
    client.sendall(b"a body that goes on")
    server.shutdown(socket.SHUT_RD)
    client.sendall(b" and on")

    server.sendall(b"an answer")

    assert read(client, 9) == b"an answer"
    assert server.recv(100).startswith(b"a body")


class TestPace:
    def test_who_reads_nothing_for_the_idle_time_is_too_slow(self):
        pace = ReadRate(0, 0.0, idle_seconds=30)

        assert not pace.is_too_slow(1, 29.0)
        assert not pace.is_too_slow(1, 59.0)
        assert pace.is_too_slow(1, 59.1)

    def test_a_phone_with_a_bad_signal_is_quick_enough(self):
        pace, read = ReadRate(0, 0.0, idle_seconds=30), 0

        for second in range(0, 600, 20):  # it reads for a moment, then there is a tunnel
            assert not pace.is_too_slow(read, float(second))
            read += 2 * 20 * response_sender.MIN_RATE

    def test_who_reads_a_byte_now_and_then_is_too_slow_after_a_minute(self):
        pace = ReadRate(0, 0.0, idle_seconds=30)

        assert [pace.is_too_slow(second, float(second)) for second in (1, 20, 40, 59, 60)] == [False] * 4 + [True]

    def test_each_minute_counts_by_itself(self):
        pace = ReadRate(0, 0.0, idle_seconds=30)

        assert not pace.is_too_slow(10_000_000, 60.0)
        assert [pace.is_too_slow(10_000_000 + n, 60.0 + n) for n in (25, 50, 60)] == [False, False, True]
