"""Responses that are read slowly, through real sockets with the system's default buffers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from config.server.connections import response_sender
from config.server.connections.response_sender import ClientSocket, ReadRate, Sender
from tests import polling

LARGE = 4_000_000
"""Number of bytes that exceeds the buffers of a connection whose client does not read."""


@pytest.fixture
def sockets() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """The server's socket, and the client's, which has a small buffer."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.settimeout(60)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        with ClientSocket(listener.accept()[0], idle_seconds=60) as server:
            yield server, client


def read(client: socket.socket, count: int) -> bytes:
    content = bytearray()
    while len(content) < count and (chunk := client.recv(min(count - len(content), 1 << 20))):
        content += chunk
    return bytes(content)


def start_sending(sender: Sender, server: ClientSocket) -> "tuple[threading.Event, list[bool]]":
    """An event that is set when the sender has finished, and the results that it reported."""
    is_finished, results = threading.Event(), []

    def on_finished(is_sent: bool) -> None:
        results.append(is_sent)
        is_finished.set()

    sender.send(server, on_finished)
    return is_finished, results


def test_a_small_response_is_sent_at_once(sockets):
    server, client = sockets

    server.sendall(b"an answer")

    assert (server.has_kept, read(client, 9)) == (False, b"an answer")


def test_bytes_that_the_client_does_not_read_are_kept_and_sent_in_order(sockets, tmp_path):
    server, client = sockets
    (tmp_path / "file").write_bytes(b"0123456789" * (LARGE // 10))

    server.sendall(b"a" * LARGE)
    with (tmp_path / "file").open("rb") as file:
        assert server.sendfile(file, 5, LARGE - 10) == LARGE - 10
    server.sendall(b"end")
    assert server.has_kept
    is_finished, results = start_sending(Sender(60), server)

    assert read(client, LARGE) == b"a" * LARGE
    assert read(client, LARGE - 10) == (b"0123456789" * (LARGE // 10))[5:-5]
    assert read(client, 3) == b"end"
    assert is_finished.wait(60)
    assert (results, server.has_kept) == ([True], False)


def test_sending_to_a_client_that_disconnects_is_given_up(sockets):
    server, client = sockets
    server.sendall(b"a" * LARGE)

    client.close()

    is_finished, results = start_sending(Sender(60), server)
    assert is_finished.wait(60)
    assert results == [False]


def test_a_client_that_reads_nothing_is_cut_off(sockets):
    server, _ = sockets
    server.sendall(b"a" * LARGE)

    is_finished, results = start_sending(Sender(idle_seconds=0.1), server)

    assert is_finished.wait(60)
    assert results == [False]


def test_the_oldest_waiting_response_is_cut_off_if_they_are_too_large_together(sockets, monkeypatch):
    server, _ = sockets
    monkeypatch.setattr(response_sender, "MAX_TOTAL_BYTES", LARGE // 10)
    server.sendall(b"a" * LARGE)

    is_finished, results = start_sending(Sender(600), server)

    assert is_finished.wait(60)
    assert results == [False]


def test_the_response_that_takes_longest_can_be_cut_off(sockets):
    server, _ = sockets
    server.sendall(b"a" * LARGE)
    sender = Sender(600)
    assert not sender.cut_longest()
    is_finished, results = start_sending(sender, server)

    assert sender.cut_longest()

    assert is_finished.wait(60)
    assert results == [False]


def test_a_view_that_produces_more_than_is_kept_waits_for_its_client(sockets, monkeypatch):
    server, client = sockets
    monkeypatch.setattr(response_sender, "MAX_RESPONSE_BYTES", 100_000)

    def write_response() -> None:
        with suppress(OSError):  # the client goes away before the end
            for _ in range(6):
                server.sendall(b"a" * 1_000_000)

    thread = threading.Thread(target=write_response)
    thread.start()

    assert read(client, 5_000_000) == b"a" * 5_000_000
    client.close()
    thread.join(60)
    assert not thread.is_alive()


def test_a_view_does_not_wait_for_a_client_that_reads_nothing(sockets, monkeypatch):
    server, _ = sockets
    monkeypatch.setattr(response_sender, "MAX_RESPONSE_BYTES", 100_000)
    server._idle_seconds = 0.1

    with pytest.raises(ConnectionAbortedError):
        server.sendall(b"a" * LARGE)


def test_a_file_that_became_shorter_aborts_the_response(sockets, tmp_path):
    server, _ = sockets
    (tmp_path / "file").write_bytes(b"short")

    with (tmp_path / "file").open("rb") as file, pytest.raises(ConnectionAbortedError):
        server.sendfile(file, 0, 100)


def test_bytes_read_by_the_client_are_distinguished_from_bytes_sent(sockets):
    server, client = sockets
    server.sendall(b"a" * LARGE)
    assert not server.is_read
    is_finished, _ = start_sending(Sender(60), server)

    read(client, LARGE)
    assert is_finished.wait(60)
    server.shutdown(socket.SHUT_WR)

    polling.until(lambda: server.is_read, what="the end is taken for a byte that was not read")


def test_closing_discards_bytes_that_the_client_did_not_read(sockets):
    server, client = sockets
    server.sendall(b"a" * LARGE)

    server.close()

    with pytest.raises(ConnectionResetError):
        read(client, LARGE)


def test_closing_a_socket_that_gunicorn_has_closed_is_harmless(sockets):
    server, client = sockets
    server.sendall(b"half of")

    server.close()
    server.close()

    assert (read(client, 100), server.fileno()) == (b"half of", -1)


def test_the_response_arrives_although_the_view_stopped_reading_the_body(sockets):
    server, client = sockets
    client.sendall(b"a body that goes on")
    server.shutdown(socket.SHUT_RD)
    client.sendall(b" and on")

    server.sendall(b"an answer")

    assert read(client, 9) == b"an answer"
    assert server.recv(100).startswith(b"a body")


class TestReadRate:
    def test_a_client_that_reads_nothing_for_the_idle_time_is_too_slow(self):
        rate = ReadRate(0, 0.0, idle_seconds=30)

        assert not rate.is_too_slow(1, 29.0)
        assert not rate.is_too_slow(1, 59.0)
        assert rate.is_too_slow(1, 59.1)

    def test_a_phone_with_a_bad_signal_is_fast_enough(self):
        rate, bytes_read = ReadRate(0, 0.0, idle_seconds=30), 0

        for second in range(0, 600, 20):  # reads for a moment, then has no signal
            assert not rate.is_too_slow(bytes_read, float(second))
            bytes_read += 2 * 20 * response_sender.MIN_RATE

    def test_a_client_that_reads_single_bytes_is_too_slow_after_a_minute(self):
        rate = ReadRate(0, 0.0, idle_seconds=30)

        assert [rate.is_too_slow(second, float(second)) for second in (1, 20, 40, 59, 60)] == [False] * 4 + [True]

    def test_the_rate_is_measured_for_each_minute_separately(self):
        rate = ReadRate(0, 0.0, idle_seconds=30)

        assert not rate.is_too_slow(10_000_000, 60.0)
        assert [rate.is_too_slow(10_000_000 + n, 60.0 + n) for n in (25, 50, 60)] == [False, False, True]
