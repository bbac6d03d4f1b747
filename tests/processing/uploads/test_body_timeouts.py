"""How long a body may take, by a clock that the test moves, and over a line on which bytes trickle."""

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

from processing.uploads import body_timeouts, request_body
from processing.uploads.body_timeouts import BodyTimeouts, TooSlow


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(body_timeouts, "clock", clock)
    return clock


def comes(clock: Clock, of: BodyTimeouts, *, after: float, count: int, times: int = 1) -> None:
    for _ in range(times):
        of.next_timeout()
        clock.now += after
        of.received(count)


def test_silence_may_last_so_long_and_no_longer(clock):
    assert BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60).next_timeout() == 30


def test_a_client_as_fast_as_the_minimum_goes_on_for_as_long_as_it_takes(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)

    comes(clock, upload, after=1, count=1000, times=500)

    assert upload.next_timeout() > 0


def test_a_client_that_trickles_is_ended_after_the_time_that_the_rate_is_measured_over(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)

    with pytest.raises(TooSlow):
        comes(clock, upload, after=1, count=1, times=100)

    assert clock.now == 60


def test_many_bytes_at_first_pay_for_no_trickle_for_ever(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    comes(clock, upload, after=1, count=50 << 20)

    with pytest.raises(TooSlow):
        comes(clock, upload, after=20, count=1, times=1000)

    assert clock.now <= 1 + 2 * 60 + 20


def test_the_last_wait_is_no_longer_than_what_is_left(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    comes(clock, upload, after=50, count=1)

    assert upload.next_timeout() == 10


def test_time_that_the_server_takes_is_not_the_clients(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=1000, rate_seconds=60)
    for _ in range(10):
        comes(clock, upload, after=1, count=100)
        clock.now += 100  # the disk is slow

    assert upload.next_timeout() == 30


def test_without_a_minimum_only_silence_counts(clock):
    upload = BodyTimeouts(idle_seconds=30, min_rate=0, rate_seconds=60)

    comes(clock, upload, after=20, count=1, times=100)

    assert upload.next_timeout() == 30


def test_a_small_body_has_to_be_whole_at_its_deadline_however_it_comes(clock):
    body = body_timeouts.for_small_body(5)

    with pytest.raises(TooSlow):
        comes(clock, body, after=1, count=1000, times=100)

    assert clock.now == 5


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def trickling(sockets) -> Iterator[None]:
    """Bytes that come one by one until the test ends, and never make a whole line of anything."""
    is_over = threading.Event()

    def trickle() -> None:
        with suppress(OSError):
            while not is_over.wait(0.01):
                sockets[1].send(b"0")

    thread = threading.Thread(target=trickle)
    thread.start()
    yield
    is_over.set()
    thread.join(60)


def request(ours: socket.socket, *, chunked: bool) -> SimpleNamespace:
    unreader = SocketUnreader(ours)
    message = SimpleNamespace(unreader=unreader, limit_request_field_size=0, max_buffer_headers=0, cfg=Config())
    reader = ChunkedReader(message, unreader) if chunked else LengthReader(unreader, 1 << 30)
    meta = {"gunicorn.socket": ours, "wsgi.input": Body(reader)}
    return SimpleNamespace(META=meta, headers={"Transfer-Encoding": "chunked"} if chunked else {})


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("limits", [(60, 10_000, 0.5), (60, 0, 60, 0.5)], ids=["rate", "deadline"])
def test_bytes_that_trickle_in_extend_no_limit(sockets, trickling, chunked, limits):
    """The size of a chunk never ends here: gunicorn's parser reads on and on, and returns to nobody who could look at a clock."""
    coming = request(sockets[0], chunked=chunked)

    with pytest.raises(TooSlow), request_body.idle_timeout(coming, BodyTimeouts(*limits)):
        deque(iter(partial(request_body.open_reader(coming).readinto, memoryview(bytearray(100))), 0))

    assert sockets[0].gettimeout() is None


def test_silence_ends_the_wait_too(sockets):
    coming = request(sockets[0], chunked=True)

    with (
        pytest.raises(TimeoutError),
        request_body.idle_timeout(coming, BodyTimeouts(idle_seconds=0.1, min_rate=0, rate_seconds=60)),
    ):
        request_body.open_reader(coming).readinto(memoryview(bytearray(100)))


def test_the_connection_of_an_unread_body_is_used_for_nothing_more(sockets):
    unread, read = request(sockets[0], chunked=False), request(sockets[0], chunked=False)
    read.META["wsgi.input"].reader.length = 0

    request_body.close_after_response(unread)
    request_body.close_after_response(read)

    assert (unread.META["wsgi.input"].failed, read.META["wsgi.input"].failed) == (True, False)
