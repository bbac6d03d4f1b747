"""gunicorn's threaded worker, changed so that no thread waits for a slow client.

The main thread receives request heads and small bodies (connections.connection), a thread pool runs the views, and one sender
thread sends the responses that clients read slowly (connections.response_sender). This module must not import Django at import
time: see config.server.gunicorn.

Undocumented parts of gunicorn 27 that this module uses: ThreadWorker's `poller`, `tpool`, `nr_conns`, `sockets`, `alive`,
`handle`, `handle_request`, `enqueue_req`, `finish_request`, `murder_pending` (called after each round of events) and
`set_accept_enabled`; the parser's `unreader`; a request's `body` (`reader`, `failed`) and `_expected_100_continue`; and that
`start_response` is a method of the Response.
"""

import logging
import select
import socket
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from config.server.connections import file_descriptors, gunicorn_body, lanes, request_policy
from config.server.connections.address_limit import AddressLimit
from config.server.connections.connection import Connection, Stage
from config.server.connections.lanes import Lane, Sessions
from config.server.connections.request_policy import RequestKind
from config.server.connections.response_sender import ClientSocket, Sender

log = logging.getLogger("darkroom.connections")

LINGER_MS = 5
"""How long a thread waits for the next request of its connection. Handing the connection back to the main thread takes as long
on a busy server. Measured with a client that sends many files one after the other: a tenth of the time."""
MAX_CONSECUTIVE_REQUESTS = 16
"""Requests that a thread handles for one connection before connections that wait for a thread get their turn."""
TICK_SECONDS = 0.5
MAX_MEMORY_BYTES, SMALL_REQUEST_BYTES = 32 << 20, 16 << 10
"""Limit for the received bytes of all unanswered requests except uploads. Above it, the oldest request that is
larger than the second number is rejected."""
FRESH_SECONDS = 1.0
"""A new connection does not count as idle for this long: its first request may be on its way."""
CLOSING_SECONDS = 2.0
"""How long the client may take to read the last response before its connection is closed."""
DISCARD_SECONDS, DISCARD_BYTES, DISCARD_CHUNK_BYTES = 10.0, 256 << 20, 256 << 10
"""Limits while an unread body is still arriving: a browser reads the response only after it has sent the whole body."""
REMEMBER_USER = "darkroom.remember_user"
"""The key in the WSGI environment of a function to call with the id of the user who sent the request."""
PAUSE_SECONDS = 1.0
"""Pause in accepting connections after the system had no descriptor or memory for another one."""
STOPPING_SECONDS = 2.0
"""How long idle connections stay open while the server stops: the next request may be on its way."""


class Worker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = sys.maxsize  # set_accept_enabled() counts instead
        self._lanes = {
            RequestKind.UPLOAD: lanes.upload_lane(self.cfg.threads),
            RequestKind.PAGE: lanes.page_lane(self.cfg.threads),
            RequestKind.HEALTH: lanes.health_lane(),
        }
        self._sessions = Sessions()
        self._read_deadlines: dict[Connection, float] = {}
        """Deadlines of connections for which a thread may still wait for bytes of the client."""
        self._receiving: dict[Connection, None] = {}
        """Connections that the main thread waits for a request on. This dict and `_closing` are in the order of waiting."""
        self._closing: dict[Connection, None] = {}
        self._sending = self._memory_bytes = 0
        self._paused_until = self._checked_at = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(sum(lane.limit for lane in self._lanes.values()), "web")

    def load_wsgi(self) -> None:
        """Reads the settings. gunicorn calls this in the worker's process, as the last step before run()."""
        super().load_wsgi()
        from django.conf import settings

        self.wsgi: Any = partial(_call_application, self.wsgi)
        self._idle_seconds = settings.BODY_IDLE_SECONDS
        self._request_seconds = settings.REQUEST_SECONDS
        self._max_connections = settings.WEB_CONNECTIONS or file_descriptors.max_connections(self.cfg.threads)
        self._address_limit = AddressLimit(
            settings.WEB_ADDRESS_CONNECTIONS, self._max_connections // 2, settings.BEHIND_TLS
        )
        self._sender = Sender(self._idle_seconds)

    # Main thread: accepting and closing connections.

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Logs errors, so that an error of one connection does not end all others."""
        try:
            super().wait_for_and_dispatch_events(timeout)
        except Exception:
            log.exception("Handling a connection failed")

    def accept(self, listener: socket.socket) -> None:
        if self.nr_conns >= self._max_connections and not self._make_room():
            self.set_accept_enabled(False)
            return
        try:
            accepted, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        except OSError as error:  # no descriptor is free (EMFILE, ENFILE), or no memory: this is temporary
            log.warning("Can't accept connections: %s. Retrying in %g s.", error.strerror, PAUSE_SECONDS)
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._make_room()
            self.set_accept_enabled(False)
            return
        if not self._address_limit.admit(client):
            accepted.close()
            return
        self.nr_conns += 1
        sock = ClientSocket(accepted, self._idle_seconds)
        self._wait_for_request(Connection(self.cfg, sock, client, listener.getsockname()))

    def set_accept_enabled(self, enabled: bool) -> None:
        """Starts accepting unless the server is full or paused. run() calls this in each round while accepting is off."""
        is_full = self.nr_conns >= self._max_connections and not (self._receiving or self._closing)
        super().set_accept_enabled(enabled and not is_full and time.monotonic() >= self._paused_until)

    def _make_room(self) -> bool:
        """Closes an idle connection, else one that is closing, else the one that has been receiving for longest.

        If there is none of these, cuts off a slow response and returns False. New connections are not idle (FRESH_SECONDS).
        """
        idle_until = time.monotonic() + self.cfg.keepalive - FRESH_SECONDS
        idle = next((conn for conn in self._receiving if conn.is_idle and conn.until < idle_until), None)
        if victim := idle or next(iter(self._closing), None) or next(iter(self._receiving), None):
            self._close_now(victim)
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
        if conn not in self._receiving:  # closed in this same round to make room
            return
        size_before = conn.size
        stage = conn.receive()
        self._count_memory(conn, conn.size - size_before)
        if conn not in self._receiving:  # it was rejected just now to free memory
            return
        if stage is Stage.RECEIVING:
            conn.wait_until(self.cfg.keepalive, self._request_seconds)
            return
        del self._receiving[conn]
        self.poller.unregister(conn.sock)
        self._dispatch(conn, stage)

    def _dispatch(self, conn: Connection, stage: Stage) -> None:
        match stage:
            case Stage.READY:
                self.enqueue_req(conn)
            case Stage.REJECTED:
                self._reject(conn)
            case Stage.RECEIVING:
                self._wait_for_request(conn)
            case Stage.GONE:
                self._release(conn)

    def _reject(self, conn: Connection) -> None:
        assert conn.rejection
        is_json = conn.head is not None and conn.head.content_type == request_policy.JSON
        with suppress(OSError):
            conn.sock.sendall(conn.rejection.response(is_json))
        self._close_gracefully(conn, is_body_coming=True)

    def _close_gracefully(self, conn: Connection, is_body_coming: bool = False) -> None:
        """Closes the connection in the steps of RFC 9112, section 9.6: unread bytes would make the client lose the response."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))
        except (OSError, ValueError):
            self._release(conn)
            return
        self._closing[conn] = None
        conn.to_discard = DISCARD_BYTES
        conn.close_after(DISCARD_SECONDS if is_body_coming else CLOSING_SECONDS, self._idle_seconds)

    def _discard(self, conn: Connection, _: Any) -> None:
        if conn not in self._closing:
            return
        try:
            count = len(conn.sock.recv(DISCARD_CHUNK_BYTES))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        conn.to_discard -= count
        if conn.to_discard < 0 or (not count and conn.sock.is_read):
            self._close_now(conn)
        elif not count:  # the client has finished sending, and may still be reading
            self.poller.unregister(conn.sock)
            conn.until = 0.0

    def _close_now(self, conn: Connection) -> None:
        """Closes a connection of the main thread at once."""
        self._receiving.pop(conn, None)
        self._closing.pop(conn, None)
        with suppress(KeyError):
            self.poller.unregister(conn.sock)
        self._release(conn)

    def _release(self, conn: Connection) -> None:
        self._count_memory(conn, -conn.counted)
        self.nr_conns -= 1
        self._address_limit.release(conn.client)
        conn.sock.close()

    # Main thread: handing requests to threads and taking connections back.

    def enqueue_req(self, conn: Connection) -> None:
        conn.lane, conn.client_id = self._lanes[conn.kind], self._sessions.client(conn.session)
        if conn.lane.begin(conn):
            super().enqueue_req(conn)

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        self._count_memory(conn, -conn.counted)
        self._run_next(conn.lane, conn.client_id)
        try:
            is_kept = fs.result() is True
        except Exception:
            log.exception("Handling a connection failed")
            is_kept = False
        self._continue(conn, is_kept)

    def _run_next(self, lane: Lane, client_id: int) -> None:
        """Gives the thread of a client's request to a waiting one, except to those whose clients gave up meanwhile."""
        while conn := lane.end(client_id):
            if not conn.has_left():
                super().enqueue_req(conn)
                return
            client_id = conn.client_id
            self._release(conn)

    def _continue(self, conn: Connection, is_kept: bool) -> None:
        """Sends the rest of the response, then waits for the next request or closes."""
        if conn.sock.has_kept:
            self._sending += 1
            self._sender.send(conn.sock, partial(self.method_queue.defer, self._on_sent, conn, is_kept))
        elif is_kept:
            self._dispatch(conn, conn.stage())
        else:
            self._close_gracefully(conn, gunicorn_body.is_unread(conn.request))

    def _on_sent(self, conn: Connection, is_kept: bool, is_sent: bool) -> None:
        self._sending -= 1
        if is_sent:
            self._continue(conn, is_kept)
        else:
            self._release(conn)

    def murder_pending(self) -> None:
        """Closes connections that have exceeded their time limit. run() calls this at least once a second."""
        now = time.monotonic()
        if now - self._checked_at < TICK_SECONDS:
            return
        self._checked_at = now
        for conn in [conn for conn in self._receiving if conn.until < now]:
            if conn.head:  # only the body is slow: the client expects a response
                self._receiving.pop(conn)
                self.poller.unregister(conn.sock)
                conn.rejection = request_policy.TOO_SLOW
                self._reject(conn)
            else:
                self._close_now(conn)
        for conn in [conn for conn in self._closing if conn.until < now]:
            if conn.has_read_all(now):
                self._close_now(conn)
        for conn, until in list(self._read_deadlines.items()):
            if until < now:
                conn.sock.interrupt()
        if not self.alive:
            for conn in self._receiving:
                conn.until = min(conn.until, now + STOPPING_SECONDS) if conn.is_idle else conn.until

    def _count_memory(self, conn: Connection, count: int) -> None:
        conn.counted += count
        self._memory_bytes += count
        while self._memory_bytes > MAX_MEMORY_BYTES:
            large = [conn for conn in self._receiving if conn.size > SMALL_REQUEST_BYTES]
            candidates = large or [conn for conn in self._receiving if conn.size]
            if not candidates:
                return
            self._reject_to_free_memory(max(candidates, key=_age))

    def _reject_to_free_memory(self, conn: Connection) -> None:
        """Refuses the oldest request, so that stalled and trickling clients make room for others."""
        del self._receiving[conn]
        self.poller.unregister(conn.sock)
        conn.release()
        self._count_memory(conn, -conn.counted)
        conn.rejection = request_policy.OVERLOADED
        self._reject(conn)

    # Thread pool

    def handle(self, conn: Connection) -> bool:
        """Handles requests until the client has to be waited for. Returns True if the connection is kept open."""
        kind = conn.kind
        for _ in range(MAX_CONSECUTIVE_REQUESTS):
            if not self._handle(conn):
                return False
            conn.begin_next()
            if not self.alive or conn.lane.has_waiting or conn.sock.has_kept or not _has_next_request(conn, kind):
                break
            if self._sessions.client(conn.session) != conn.client_id:  # a proxy sends requests of many users
                break
        return True

    def _handle(self, conn: Connection) -> bool:
        if conn.kind is not RequestKind.UPLOAD:
            self._read_deadlines[conn] = time.monotonic() + self._request_seconds
        try:
            conn.pass_to_parser()
            return super().handle(conn) is True
        finally:
            self._read_deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Runs the application for a parsed head, or sends the connection's rejection."""
        gunicorn_body.track_errors(req)
        req.remember_user = partial(self._sessions.remember, conn.session)
        if conn.said_continue:
            req._expected_100_continue = False
        if conn.head and conn.kind is not RequestKind.UPLOAD:
            if conn.head.length is None:
                if not gunicorn_body.buffer(req, request_policy.max_body_bytes(conn.head)):
                    conn.rejection = request_policy.BODY_TOO_LARGE
            elif gunicorn_body.is_unread(req):
                conn.rejection = request_policy.MALFORMED_REQUEST
        self._read_deadlines.pop(conn, None)
        if conn.rejection:
            conn.sock.sendall(
                conn.rejection.response(conn.head is not None and conn.head.content_type == request_policy.JSON)
            )
            return False
        return super().handle_request(req, conn)


def _age(conn: Connection) -> float:
    return conn.age


def _has_next_request(conn: Connection, kind: RequestKind) -> bool:
    """True if another request of this kind has arrived, or arrives within LINGER_MS."""
    stage = conn.stage()
    if stage is Stage.RECEIVING:
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        if poll.poll(LINGER_MS):
            conn.sock.setblocking(False)
            stage = conn.receive()
    return stage is Stage.READY and conn.kind is kind


def _call_application(application: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """Calls the WSGI application. Closes the connection after the response if the body was not read completely.

    The status is 400 if the chunks of the body are malformed, regardless of the view's response.
    """
    response = start_response.__self__

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if response.req.body.is_malformed:
            status = "400 Bad Request"
        if gunicorn_body.is_unread(response.req):
            response.force_close()
        return start_response(status, headers, exc_info)

    environ[REMEMBER_USER] = response.req.remember_user
    return application(environ, start)
