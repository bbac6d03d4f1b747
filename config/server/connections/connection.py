"""A connection whose next request is received by the web server's main thread, so that a slow one costs no other."""

import time
from enum import Enum, auto
from typing import Any

from gunicorn.workers.gthread import TConn

from config.server.connections import admission, request_head
from config.server.connections.admission import Kind, Refusal
from config.server.connections.chunked_body import Chunks, TooLarge
from config.server.connections.request_head import Head
from config.server.connections.response_sender import ClientSocket, Pace

HEAD_BYTES = 64 << 10
PIECE, LARGE_PIECE = 64 << 10, 256 << 10
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Stage(Enum):
    RECEIVING = auto()
    READY = auto()
    """A thread may take the request. Of a page all is here; of an upload the head."""
    REFUSED = auto()
    """`refusal` says why."""
    GONE = auto()


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's connection: `parser`, `sock`, `init()` and `data_ready` are its own."""

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.refusal: Refusal | None = None
        self.until = 0.0
        """When it is closed unless its request has come, in time.monotonic()."""
        self.to_discard = 0
        """Bytes that are still thrown away before it is closed."""
        self.counted = 0
        """Bytes that the worker reckons for it."""
        self.lane: Any = None
        """The worker's, while a thread answers."""
        self.head: Head | None = None
        self.said_continue = False
        self.is_pipelined = False
        """Did the request begin before the last one was answered?"""
        self._received = bytearray()
        self._searched, self._began = 0, 0.0
        self._chunks: Chunks | None = None

    @property
    def request(self) -> Any:
        """gunicorn's, of which the head was parsed last; None before the first."""
        return self.parser.mesg if self.parser else None

    @property
    def is_idle(self) -> bool:
        """Has nothing of a request come?"""
        return not self._received

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self._received)

    @property
    def age(self) -> float:
        """Seconds since the request began; 0 before."""
        return time.monotonic() - self._began if self._began else 0.0

    def release(self) -> None:
        """Forget what was received: the request is refused."""
        self._received = bytearray()

    @property
    def kind(self) -> Kind:
        return admission.kind(self.head) if self.head else Kind.PAGE

    def begin_next(self) -> None:
        """After a request: what was read beyond it belongs to the next."""
        self._received = bytearray(self.parser.unreader.take_buffered())
        self._searched, self._began = 0, 0.0
        self.head, self.said_continue, self.is_pipelined = None, False, bool(self._received)
        self._chunks = None

    def wait_until(self, idle_seconds: float, request_seconds: float) -> None:
        """Set the time limit: for a request to begin, or for all of one that has begun, which trickling bytes do not put off."""
        now = time.monotonic()
        if self.is_idle:
            self.until = now + idle_seconds
            return
        self._began = self._began or now
        self.until = self._began + request_seconds * (admission.patience(self.head) if self.head else 1)

    def close_after(self, seconds: float, idle_seconds: float) -> None:
        """Set the time limit for the client to take the last answer, whose end it may still be reading then."""
        now = time.monotonic()
        self.until, self._pace = now + seconds, Pace(self.sock.read_by_client(), now, idle_seconds)

    def has_read_all(self, now: float) -> bool:
        """May the connection be closed? A client who is too slow for the rest of its answer is not waited for."""
        return self.sock.is_read or self._pace.is_too_slow(self.sock.read_by_client(), now)

    def receive(self) -> Stage:
        """Take what is there, without waiting for more."""
        try:
            piece = self.sock.recv(LARGE_PIECE if self.size > PIECE else PIECE)
        except BlockingIOError:
            return Stage.RECEIVING
        except OSError:
            return Stage.GONE
        if not piece:
            # gunicorn answers what broke off in the middle as it is malformed, and closes.
            return Stage.GONE if self.is_idle else Stage.READY
        self._received += piece
        return self.look()

    def look(self) -> Stage:
        """How far the next request is, going by what has been received."""
        if self.head is None and not self._read_head():
            return Stage.REFUSED if self.refusal else Stage.RECEIVING
        assert self.head is not None
        if self.refusal:
            return Stage.REFUSED
        if self.kind is Kind.UPLOAD or self._is_whole(self.head):
            return Stage.READY
        return Stage.REFUSED if self.refusal else Stage.RECEIVING

    def _is_whole(self, head: Head) -> bool:
        if head.length is not None:
            return self.size - head.size >= head.length
        self._chunks = self._chunks or Chunks(head.size, admission.most_bytes(head))
        try:
            return self._chunks.are_here(self._received)
        except TooLarge:
            self.refusal = admission.BODY_TOO_LARGE
            return False

    def deliver(self) -> None:
        """Give what was received to gunicorn's parser, as if it had read it."""
        self.data_ready = True
        self.init()
        self.parser.unreader.unread(bytes(self._received))
        self._received = bytearray()

    def _read_head(self) -> bool:
        self.head = request_head.read(self._received, self._searched)
        self._searched = len(self._received)
        if self.head is None:
            if len(self._received) > HEAD_BYTES:
                self.refusal = admission.HEAD_TOO_LARGE
            return False
        self.refusal = admission.refusal(self.head)
        if self.head.expects_continue and self.kind is Kind.PAGE and not self.refusal:
            self._say_continue()
        return True

    def _say_continue(self) -> None:
        """The client waits for this before it sends the body. gunicorn says it to those whose body a thread reads."""
        self.said_continue = True
        self.sock.sendall(CONTINUE)
