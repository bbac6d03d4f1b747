"""A proxy between a client and the server: it counts bytes, records the offset of each PATCH, and can hold requests."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from tests import servers

CHUNK_BYTES = 64 << 10
UPLOAD_OFFSET = re.compile(rb"\r\nUpload-Offset: *(\d+)", re.IGNORECASE)


def never() -> bool:
    return False


class RecordingProxy:
    """Listens on its own port and forwards to the server's.

    `close_when(condition)` holds the bytes for the server from when the condition is true until `open()` is called.
    """

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._condition: Callable[[], bool] = never
        self.is_closed = False
        self._opened = threading.Condition()
        self.offsets: list[int] = []
        self._server = (servers.HOST, port)
        self._listener = socket.create_server((servers.HOST, 0))
        self._connections = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{servers.HOST}:{self._listener.getsockname()[1]}"

    @property
    def is_empty(self) -> bool:
        return self._connections == 0

    def close_when(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def open(self) -> None:
        with self._opened:
            self._condition, self.is_closed = never, False
            self._opened.notify_all()

    def forget(self) -> None:
        self.sent, self.offsets = 0, []

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self.open()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    self._connections += 1
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            responses = threading.Thread(target=self._forward_responses, args=(client, server), daemon=True)
            responses.start()
            self._forward_requests(client, server)
            responses.join()
        with self._lock:
            self._connections -= 1

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        recent = b""
        with suppress(OSError):
            while chunk := client.recv(CHUNK_BYTES):
                recent = recent[-64:] + chunk  # a header may be split between two chunks
                self._record(recent, new_bytes=len(chunk))
                with self._opened:
                    self.is_closed = self.is_closed or self._condition()
                    self._opened.wait_for(lambda: not self.is_closed)
                server.sendall(chunk)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _forward_responses(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while chunk := server.recv(CHUNK_BYTES):
                client.sendall(chunk)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _record(self, recent: bytes, new_bytes: int) -> None:
        with self._lock:
            self.sent += new_bytes
            for match in UPLOAD_OFFSET.finditer(recent):
                if match.end() > len(recent) - new_bytes:
                    self.offsets.append(int(match[1]))
