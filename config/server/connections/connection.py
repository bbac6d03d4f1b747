"""Connections of the web server. Its main thread receives each request, so that a slow one occupies no other thread."""

import socket
import time
from enum import Enum, auto
from typing import Any

from gunicorn.workers.gthread import TConn

from config.server.connections import request_head, request_policy
from config.server.connections.chunked_body import ChunkScanner, TooLarge
from config.server.connections.lanes import ANONYMOUS
from config.server.connections.request_head import Head
from config.server.connections.request_policy import Rejection, RequestKind
from config.server.connections.response_sender import ClientSocket, ReadRate

MAX_HEAD_BYTES = 64 << 10
CHUNK_BYTES, LARGE_CHUNK_BYTES = 64 << 10, 256 << 10
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Stage(Enum):
    RECEIVING = auto()
    READY = auto()
    """A thread may take the request. A page has been received completely; an upload up to the end of its head."""
    REJECTED = auto()
    """`rejection` is the reason."""
    GONE = auto()


class Connection(TConn):  # type: ignore[misc]
    """gunicorn's connection, which defines `parser`, `sock`, `init()` and `data_ready`."""

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.rejection: Rejection | None = None
        self.until = 0.0
        """The deadline for its next request, in time.monotonic(). The connection is closed then."""
        self.to_discard = 0
        """How many bytes may still be discarded before the connection is closed."""
        self.counted = 0
        """The bytes of this connection in the worker's memory count."""
        self.client_id = ANONYMOUS
        """The client whose request waits or runs (`lanes`)."""
        self.lane: Any = None
        """The worker's lane, while a thread handles a request."""
        self.head: Head | None = None
        self.said_continue = False
        self.is_pipelined = False
        """True if the request began before the response to the last one was complete."""
        self._received = bytearray()
        self._searched, self._began_at = 0, 0.0
        self._chunks: ChunkScanner | None = None

    @property
    def request(self) -> Any:
        """gunicorn's last parsed request; None before the first."""
        return self.parser.mesg if self.parser else None

    @property
    def is_idle(self) -> bool:
        """True if no byte of a request has been received."""
        return not self._received

    @property
    def size(self) -> int:
        """Received bytes in memory."""
        return len(self._received)

    @property
    def age(self) -> float:
        """Seconds since the request began; 0 before it begins."""
        return time.monotonic() - self._began_at if self._began_at else 0.0

    def has_left(self) -> bool:
        """True if the client has closed its side, without a further byte, while its request waited for a thread."""
        self.sock.setblocking(False)
        try:
            return not self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def release(self) -> None:
        """Discards what was received of a rejected request."""
        self._received = bytearray()

    @property
    def session(self) -> bytes:
        """The session cookie of the request."""
        return self.head.session if self.head else b""

    @property
    def kind(self) -> RequestKind:
        return request_policy.kind(self.head) if self.head else RequestKind.PAGE

    def begin_next(self) -> None:
        """Prepares for the next request. It begins with the bytes that were read beyond the last one."""
        self._received = bytearray(self.parser.unreader.take_buffered())
        self._searched, self._began_at = 0, 0.0
        self.head, self.said_continue, self.is_pipelined = None, False, bool(self._received)
        self._chunks = None

    def wait_until(self, idle_seconds: float, request_seconds: float) -> None:
        """Sets the deadline: for a request to begin, or for a whole request once it has begun. More bytes do not extend it."""
        now = time.monotonic()
        if self.is_idle:
            self.until = now + idle_seconds
            return
        self._began_at = self._began_at or now
        self.until = self._began_at + request_seconds * (request_policy.time_factor(self.head) if self.head else 1)

    def close_after(self, seconds: float, idle_seconds: float) -> None:
        """Sets the deadline for reading the last response. After it, a client may finish reading if it is fast enough."""
        now = time.monotonic()
        self.until, self._pace = now + seconds, ReadRate(self.sock.read_by_client(), now, idle_seconds)

    def has_read_all(self, now: float) -> bool:
        """True if the connection may be closed: the client has read the last response, or reads it too slowly."""
        return self.sock.is_read or self._pace.is_too_slow(self.sock.read_by_client(), now)

    def receive(self) -> Stage:
        """Receives the available bytes without waiting, and returns the stage of the request."""
        try:
            chunk = self.sock.recv(LARGE_CHUNK_BYTES if self.size > CHUNK_BYTES else CHUNK_BYTES)
        except BlockingIOError:
            return Stage.RECEIVING
        except OSError:
            return Stage.GONE
        if not chunk:
            # gunicorn responds to a truncated request as to a malformed one, and closes.
            return Stage.GONE if self.is_idle else Stage.READY
        self._received += chunk
        return self.stage()

    def stage(self) -> Stage:
        """Returns the stage of the next request, from the bytes received so far."""
        if self.head is None and not self._read_head():
            return Stage.REJECTED if self.rejection else Stage.RECEIVING
        assert self.head is not None
        if self.rejection:
            return Stage.REJECTED
        if self.kind is RequestKind.UPLOAD or self._is_complete(self.head):
            return Stage.READY
        return Stage.REJECTED if self.rejection else Stage.RECEIVING

    def _is_complete(self, head: Head) -> bool:
        if head.length is not None:
            return self.size - head.size >= head.length
        self._chunks = self._chunks or ChunkScanner(head.size, request_policy.max_body_bytes(head))
        try:
            return self._chunks.is_complete(self._received)
        except TooLarge:
            self.rejection = request_policy.BODY_TOO_LARGE
            return False

    def pass_to_parser(self) -> None:
        """Passes the received bytes to gunicorn's parser as if it had read them."""
        self.data_ready = True
        self.init()
        self.parser.unreader.unread(bytes(self._received))
        self._received = bytearray()

    def _read_head(self) -> bool:
        self.head = request_head.read(self._received, self._searched)
        self._searched = len(self._received)
        if self.head is None:
            if len(self._received) > MAX_HEAD_BYTES:
                self.rejection = request_policy.HEAD_TOO_LARGE
            return False
        self.rejection = request_policy.rejection(self.head)
        if self.head.expects_continue and self.kind is RequestKind.PAGE and not self.rejection:
            self._say_continue()
        return True

    def _say_continue(self) -> None:
        """Sends `100 Continue`, which the client waits for before it sends the body. For uploads gunicorn sends it."""
        self.said_continue = True
        self.sock.sendall(CONTINUE)
