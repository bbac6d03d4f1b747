"""How long a body may take: with a clock that the test advances, and over a socket on which bytes trickle in."""

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader

from processing.uploads.body import body_timeouts, request_body
from processing.uploads.body.body_timeouts import BodyTimeouts, TooSlow


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(body_timeouts, "clock", clock)
    return clock


def receive(clock: Clock, timeouts: BodyTimeouts, *, after: float, count: int, times: int = 1) -> None:
    for _ in range(times):
        timeouts.next_timeout()
        clock.now += after
        timeouts.received(count)


def test_the_first_timeout_is_the_idle_timeout(clock):
    assert BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60).next_timeout() == 30


def test_a_client_at_the_minimum_rate_may_take_as_long_as_it_needs(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)

    receive(clock, timeouts, after=1, count=1000, times=500)

    assert timeouts.next_timeout() > 0


def test_a_client_below_the_minimum_rate_is_ended_after_the_measuring_time(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)

    with pytest.raises(TooSlow):
        receive(clock, timeouts, after=1, count=1, times=100)

    assert clock.now == 60


def test_a_fast_start_does_not_exempt_a_slow_client_from_the_limit(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    receive(clock, timeouts, after=1, count=50 << 20)

    with pytest.raises(TooSlow):
        receive(clock, timeouts, after=20, count=1, times=1000)

    assert clock.now <= 1 + 2 * 60 + 20


def test_the_last_timeout_is_no_longer_than_the_remaining_time(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    receive(clock, timeouts, after=50, count=1)

    assert timeouts.next_timeout() == 10


def test_the_servers_own_time_does_not_count_against_the_client(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    for _ in range(10):
        receive(clock, timeouts, after=1, count=100)
        clock.now += 100  # the disk is slow

    assert timeouts.next_timeout() == 30


def test_without_a_minimum_rate_only_silence_counts(clock):
    timeouts = BodyTimeouts(idle_seconds=30, min_rate=0, rate_seconds=60)

    receive(clock, timeouts, after=20, count=1, times=100)

    assert timeouts.next_timeout() == 30


def test_a_small_body_must_be_complete_at_its_deadline_at_any_rate(clock):
    timeouts = body_timeouts.for_small_body(5)

    with pytest.raises(TooSlow):
        receive(clock, timeouts, after=1, count=1000, times=100)

    assert clock.now == 5


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    server_socket, client_socket = socket.socketpair()
    with server_socket, client_socket:
        yield server_socket, client_socket


@pytest.fixture
def trickling(sockets) -> Iterator[None]:
    """Sends one byte at a time until the test ends, and never completes a line."""
    has_ended = threading.Event()

    def trickle() -> None:
        with suppress(OSError):
            while not has_ended.wait(0.01):
                sockets[1].send(b"0")

    thread = threading.Thread(target=trickle)
    thread.start()
    yield
    has_ended.set()
    thread.join(60)


def request(server_socket: socket.socket, *, chunked: bool) -> SimpleNamespace:
    unreader = SocketUnreader(server_socket)
    message = SimpleNamespace(unreader=unreader, limit_request_field_size=0, max_buffer_headers=0, cfg=Config())
    reader = ChunkedReader(message, unreader) if chunked else LengthReader(unreader, 1 << 30)
    meta = {"gunicorn.socket": server_socket, "wsgi.input": Body(reader)}
    return SimpleNamespace(META=meta, headers={"Transfer-Encoding": "chunked"} if chunked else {})


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("limits", [(60, 10_000, 0.5), (60, 0, 60, 0.5)], ids=["rate", "deadline"])
def test_bytes_that_trickle_in_do_not_extend_a_limit(sockets, trickling, chunked, limits):
    """The size of a chunk never ends here: gunicorn's parser reads on and on, and never returns to code that checks the clock."""
    slow_request = request(sockets[0], chunked=chunked)

    with pytest.raises(TooSlow), request_body.idle_timeout(slow_request, BodyTimeouts(*limits)):
        deque(iter(partial(request_body.open_reader(slow_request).readinto, memoryview(bytearray(100))), 0))

    assert sockets[0].gettimeout() is None


def test_a_silent_client_is_ended_by_the_idle_timeout(sockets):
    silent_request = request(sockets[0], chunked=True)

    with (
        pytest.raises(TimeoutError),
        request_body.idle_timeout(silent_request, BodyTimeouts(idle_seconds=0.1, min_rate=0, rate_seconds=60)),
    ):
        request_body.open_reader(silent_request).readinto(memoryview(bytearray(100)))


def test_the_connection_of_an_unread_body_is_not_reused(sockets):
    unread_request, read_request = request(sockets[0], chunked=False), request(sockets[0], chunked=False)
    read_request.META["wsgi.input"].reader.length = 0

    request_body.close_after_response(unread_request)
    request_body.close_after_response(read_request)

    assert (unread_request.META["wsgi.input"].failed, read_request.META["wsgi.input"].failed) == (True, False)
