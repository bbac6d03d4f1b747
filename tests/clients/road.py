"""The way between a client and the server: counts what passes, remembers where each PATCH began, and can be closed."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from tests import servers

PIECE = 64 << 10
BEGINNING = re.compile(rb"\r\nUpload-Offset: *(\d+)", re.IGNORECASE)


def never() -> bool:
    return False


class Road:
    """Listens on a port of its own and passes on to another.

    `close_when(condition)` holds back what comes for the server as soon as the condition is true, until `open()`.
    """

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._condition: Callable[[], bool] = never
        self.is_closed = False
        self._opened = threading.Condition()
        self.offsets: list[int] = []
        self._to = (servers.HOST, port)
        self._listener = socket.create_server((servers.HOST, 0))
        self._lines = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{servers.HOST}:{self._listener.getsockname()[1]}"

    @property
    def is_empty(self) -> bool:
        return self._lines == 0

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
                    self._lines += 1
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._to) as server:
            back = threading.Thread(target=self._back, args=(client, server), daemon=True)
            back.start()
            self._forth(client, server)
            back.join()
        with self._lock:
            self._lines -= 1

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        last = b""
        with suppress(OSError):
            while piece := client.recv(PIECE):
                last = last[-64:] + piece  # a header may be cut in two by the pieces
                self._note(last, fresh=len(piece))
                with self._opened:
                    self.is_closed = self.is_closed or self._condition()
                    self._opened.wait_for(lambda: not self.is_closed)
                server.sendall(piece)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(PIECE):
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _note(self, seen: bytes, fresh: int) -> None:
        with self._lock:
            self.sent += fresh
            for found in BEGINNING.finditer(seen):
                if found.end() > len(seen) - fresh:
                    self.offsets.append(int(found[1]))
