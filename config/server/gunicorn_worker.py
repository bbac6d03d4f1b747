"""gunicorn's worker with threads, for clients of whom none can make others wait: no thread waits for a slow client.

The main thread receives heads and small bodies (connections.connection), threads answer, and one more thread sends what clients
read slowly (connections.sending). Nothing here may import Django before it is called: see config.server.gunicorn.

What this takes from gunicorn 27, beside what it documents: ThreadWorker's `poller`, `tpool`, `nr_conns`, `sockets`, `alive`,
`handle`, `handle_request`, `enqueue_req`, `finish_request`, `murder_pending` (called after each round of events) and
`set_accept_enabled`; the parser's `unreader`; a request's `body` (`reader`, `failed`) and `_expected_100_continue`; and that
`start_response` is a method of the Response.
"""

import logging
import select
import socket
import sys
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.server.connections import admission, file_descriptors, request_body
from config.server.connections.admission import Kind
from config.server.connections.connection import Connection, Stage
from config.server.connections.response_sender import ClientSocket, Sender

log = logging.getLogger("darkroom.connections")

LINGER_MS = 5
"""From one thread to another a line goes by way of the main one, which takes as long on a busy server. Measured with a sender of
many files, one after the other: a tenth of the time."""
IN_A_ROW = 16
"""Requests of one line, at most; then come those who wait for a thread."""
TICK_SECONDS = 0.5
IN_MEMORY, SMALL = 32 << 20, 16 << 10
"""Bytes of all requests that have not been answered, but for uploads. Beyond, of those larger than the second number the one that
has been coming for longest is refused."""
FRESH_SECONDS = 1.0
"""A connection whose request has not begun so soon is not idle."""
CLOSING_SECONDS = 2.0
"""For the client to take the answer after which its connection is closed."""
DISCARD_SECONDS, DISCARD_BYTES, DISCARD_AT_ONCE = 10.0, 256 << 20, 256 << 10
"""The same, while a body is still coming that nobody reads: a browser looks at the answer when it has sent it."""
PAUSE_SECONDS = 1.0
"""Without accepting, after the system had no descriptor or memory for another connection."""
STOPPING_SECONDS = 2.0
"""What an idle connection is kept for while the server stops: its next request may be on its way."""


@dataclass(slots=True)
class Lane:
    """Requests of one kind, of which so many are answered at once.

    Whoever sends requests before the last one is answered waits behind all who do not: else a few clients would fill the queue.
    """

    limit: int
    running: int = 0
    waiting: deque[Connection] = field(default_factory=deque)
    pipelined: deque[Connection] = field(default_factory=deque)

    def put(self, conn: Connection) -> None:
        (self.pipelined if conn.is_pipelined else self.waiting).append(conn)

    def next(self) -> Connection | None:
        queue = self.waiting or self.pipelined
        return queue.popleft() if queue else None


def lanes(threads: int) -> dict[Kind, Lane]:
    """For WEB_THREADS. Uploads have more than may take in files at once (views/upload_slots.py): the others are told to wait."""
    return {
        Kind.UPLOAD: Lane(threads),
        Kind.PAGE: Lane(max(2, threads // 2)),
        Kind.HEALTH: Lane(2),
    }


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = sys.maxsize  # set_accept_enabled() counts instead
        self._lanes = lanes(self.cfg.threads)
        self._reading: dict[Connection, float] = {}
        """Whose thread may still have to wait for the client, and until when."""
        self._receiving: dict[Connection, None] = {}
        """The main thread waits for their next request. Like the next, in the order they began to wait."""
        self._closing: dict[Connection, None] = {}
        self._sending = self._in_memory = 0
        self._paused_until = self._checked = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(sum(lane.limit for lane in self._lanes.values()), "web")

    def load_wsgi(self) -> None:
        """The last step before run(); in the worker's own process, where settings may be read."""
        super().load_wsgi()
        from django.conf import settings

        self.wsgi: Any = partial(_answer, self.wsgi)
        self._idle_seconds = settings.BODY_IDLE_SECONDS
        self._request_seconds = settings.REQUEST_SECONDS
        self._most = settings.WEB_CONNECTIONS or file_descriptors.connections(self.cfg.threads)
        self._sender = Sender(self._idle_seconds)

    # The main thread: connections come, and go.

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """An error that concerns one connection shall not end all others."""
        try:
            super().wait_for_and_dispatch_events(timeout)
        except Exception:
            log.exception("A connection failed")

    def accept(self, listener: socket.socket) -> None:
        if self.nr_conns >= self._most and not self._make_room():
            self.set_accept_enabled(False)
            return
        try:
            accepted, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        except OSError as error:  # no descriptor is free (EMFILE, ENFILE), or no memory: it passes
            log.warning("A connection could not be accepted: %s. Trying again in %g s.", error.strerror, PAUSE_SECONDS)
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._make_room()
            self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        line = ClientSocket(accepted, self._idle_seconds)
        self._wait_for_request(Connection(self.cfg, line, client, listener.getsockname()))

    def set_accept_enabled(self, enabled: bool) -> None:
        """run() calls this in every round as long as it wants connections and none are accepted."""
        is_full = self.nr_conns >= self._most and not (self._receiving or self._closing)
        super().set_accept_enabled(enabled and not is_full and time.monotonic() >= self._paused_until)

    def _make_room(self) -> bool:
        """Close the connection that is missed least: an idle one, else one that is closing, else the slowest request.

        One that has only just come is not idle: its request is on its way.
        """
        idle_until = time.monotonic() + self.cfg.keepalive - FRESH_SECONDS
        idle = next((conn for conn in self._receiving if conn.is_idle and conn.until < idle_until), None)
        if victim := idle or next(iter(self._closing), None) or next(iter(self._receiving), None):
            self._forget(victim)
            return True
        if self._sending:
            self._sender.cut_longest()
        return False

    def _wait_for_request(self, conn: Connection) -> None:
        conn.sock.setblocking(False)
        self._receiving[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))
        conn.wait_until(self.cfg.keepalive if self.alive else STOPPING_SECONDS, self._request_seconds)

    def _receive(self, conn: Connection, _: Any) -> None:
        if conn not in self._receiving:  # closed for another, in this same round
            return
        before = conn.size
        stage = conn.receive()
        self._count(conn, conn.size - before)
        if conn not in self._receiving:  # it has just been crowded out
            return
        if stage is Stage.RECEIVING:
            conn.wait_until(self.cfg.keepalive, self._request_seconds)
            return
        del self._receiving[conn]
        self.poller.unregister(conn.sock)
        self._take(conn, stage)

    def _take(self, conn: Connection, stage: Stage) -> None:
        match stage:
            case Stage.READY:
                self.enqueue_req(conn)
            case Stage.REFUSED:
                self._refuse(conn)
            case Stage.RECEIVING:
                self._wait_for_request(conn)
            case Stage.GONE:
                self._end(conn)

    def _refuse(self, conn: Connection) -> None:
        assert conn.refusal
        is_json = conn.head is not None and conn.head.content_type == admission.JSON
        with suppress(OSError):
            conn.sock.sendall(conn.refusal.answer(is_json))
        self._close(conn, is_body_coming=True)

    def _close(self, conn: Connection, is_body_coming: bool = False) -> None:
        """Close it as RFC 9112 section 9.6 says: the answer would be lost if bytes were left that nobody reads."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError):
            self._end(conn)
            return
        self._closing[conn] = None
        conn.to_discard = DISCARD_BYTES
        conn.close_after(DISCARD_SECONDS if is_body_coming else CLOSING_SECONDS, self._idle_seconds)

    def _discard(self, conn: Connection, _: Any) -> None:
        if conn not in self._closing:
            return
        try:
            count = len(conn.sock.recv(DISCARD_AT_ONCE))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        conn.to_discard -= count
        if conn.to_discard < 0 or (not count and conn.sock.is_read):
            self._forget(conn)
        elif not count:  # it sends no more, and may still be reading
            self.poller.unregister(conn.sock)
            conn.until = 0.0

    def _forget(self, conn: Connection) -> None:
        """Close one that the main thread waits for, at once."""
        self._receiving.pop(conn, None)
        self._closing.pop(conn, None)
        with suppress(KeyError):
            self.poller.unregister(conn.sock)
        self._end(conn)

    def _end(self, conn: Connection) -> None:
        self._count(conn, -conn.counted)
        self.nr_conns -= 1
        conn.sock.close()

    # The main thread: requests come to threads, and back.

    def enqueue_req(self, conn: Connection) -> None:
        lane = self._lanes[conn.kind]
        if lane.running < lane.limit:
            lane.running += 1
            conn.lane = lane
            super().enqueue_req(conn)
        else:
            lane.put(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        self._count(conn, -conn.counted)
        conn.lane.running -= 1
        if following := conn.lane.next():
            self.enqueue_req(following)
        try:
            is_kept = fs.result() is True
        except Exception:
            log.exception("A connection failed")
            is_kept = False
        self._go_on(conn, is_kept)

    def _go_on(self, conn: Connection, is_kept: bool) -> None:
        """After an answer: send the rest of it, then wait for the next request, or close."""
        if conn.sock.has_kept:
            self._sending += 1
            self._sender.send(conn.sock, partial(self.method_queue.defer, self._sent, conn, is_kept))
        elif is_kept:
            self._take(conn, conn.look())
        else:
            self._close(conn, request_body.is_unread(conn.request))

    def _sent(self, conn: Connection, is_kept: bool, is_sent: bool) -> None:
        self._sending -= 1
        if is_sent:
            self._go_on(conn, is_kept)
        else:
            self._end(conn)

    def murder_pending(self) -> None:
        """Close what has exceeded its time. run() calls this after each round of events, once a second at least."""
        now = time.monotonic()
        if now - self._checked < TICK_SECONDS:
            return
        self._checked = now
        for conn in [conn for conn in self._receiving if conn.until < now]:
            if conn.head:  # its body is what is slow: it waits for an answer
                self._receiving.pop(conn)
                self.poller.unregister(conn.sock)
                conn.refusal = admission.TOO_SLOW
                self._refuse(conn)
            else:
                self._forget(conn)
        for conn in [conn for conn in self._closing if conn.until < now]:
            if conn.has_read_all(now):
                self._forget(conn)
        for conn, until in list(self._reading.items()):
            if until < now:
                conn.sock.interrupt()
        if not self.alive:
            for conn in self._receiving:
                conn.until = min(conn.until, now + STOPPING_SECONDS) if conn.is_idle else conn.until

    def _count(self, conn: Connection, more: int) -> None:
        conn.counted += more
        self._in_memory += more
        while self._in_memory > IN_MEMORY:
            large = [each for each in self._receiving if each.size > SMALL] or [
                each for each in self._receiving if each.size
            ]
            if not large:
                return
            self._crowd_out(max(large, key=_age))

    def _crowd_out(self, conn: Connection) -> None:
        """The request that has been coming for longest: who stops in the middle, or trickles, makes room for who does not."""
        del self._receiving[conn]
        self.poller.unregister(conn.sock)
        conn.release()
        self._count(conn, -conn.counted)
        conn.refusal = admission.CROWDED
        self._refuse(conn)

    # Threads

    def handle(self, conn: Connection) -> bool:
        """Answer requests until the client has to be waited for. True when the connection is kept."""
        kind = conn.kind
        for _ in range(IN_A_ROW):
            if not self._handle(conn):
                return False
            conn.begin_next()
            if not self.alive or conn.lane.waiting or conn.sock.has_kept or not _asks_again(conn, kind):
                break
        return True

    def _handle(self, conn: Connection) -> bool:
        if conn.kind is not Kind.UPLOAD:
            self._reading[conn] = time.monotonic() + self._request_seconds
        try:
            conn.deliver()
            return super().handle(conn) is True
        finally:
            self._reading.pop(conn, None)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """The head is there."""
        request_body.watch(req)
        if conn.said_continue:
            req._expected_100_continue = False
        if conn.head and conn.kind is not Kind.UPLOAD:
            if conn.head.length is None:
                if not request_body.gather(req, admission.most_bytes(conn.head)):
                    conn.refusal = admission.BODY_TOO_LARGE
            elif request_body.is_unread(req):
                conn.refusal = admission.BROKEN
        self._reading.pop(conn, None)
        if conn.refusal:
            conn.sock.sendall(conn.refusal.answer(conn.head is not None and conn.head.content_type == admission.JSON))
            return False
        return super().handle_request(req, conn)


def _age(conn: Connection) -> float:
    return conn.age


def _asks_again(conn: Connection, kind: Kind) -> bool:
    """Is another request of this kind here, or does it come at once?"""
    stage = conn.look()
    if stage is Stage.RECEIVING:
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        if poll.poll(LINGER_MS):
            conn.sock.setblocking(False)
            stage = conn.receive()
    return stage is Stage.READY and conn.kind is kind


def _answer(application: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """The WSGI application, whose answer ends the connection when the body was not read to its end.

    A body whose chunks are malformed is answered with 400, whatever the view made of it.
    """
    response = start_response.__self__

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if response.req.body.is_malformed:
            status = "400 Bad Request"
        if request_body.is_unread(response.req):
            response.force_close()
        return start_response(status, headers, exc_info)

    return application(environ, start)
