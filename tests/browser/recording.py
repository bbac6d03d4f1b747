"""A proxy between browser and server that the test controls: it cuts connections, holds uploads, and records requests.

It forwards TCP and parses it, so that it records exactly what the browser sent and the server returned."""

import re
import socket
import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from tests import servers
from tests.browser.gate import CHUNK_BYTES, Gate, Passage, Sender

HEAD_END = b"\r\n\r\n"


@dataclass
class Patch:
    """A PATCH as the browser sent it, with the offset in the server's response; or a part that was PUT to a bucket."""

    upload: str
    offset: int
    length: int
    passed: int = 0
    acknowledged: int | None = None
    acknowledged_before: int = 0
    """The upload's acknowledged offset when this request started."""


@dataclass
class Proxy:
    target: int
    gate: Gate = field(default_factory=Gate)
    patches: list[Patch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((servers.HOST, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{servers.HOST}:{self.port}"
        self._connections: set[socket.socket] = set()
        self._is_cut = False
        self._connections_lock = threading.Lock()
        self._record_lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection now, and refuse new ones until restore()."""
        self._is_cut = True
        self.drop_connections()

    def drop_connections(self) -> None:
        """Close every open connection, and accept new ones."""
        with self._connections_lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self.gate.close()
        self._listener.shutdown(socket.SHUT_RDWR)  # otherwise its thread would keep waiting for a client
        self._listener.close()

    def passed(self) -> int:
        """Return the number of bytes of uploads forwarded to the server so far."""
        return sum(patch.passed for patch in list(self.patches))

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            if self._is_cut:
                return
            with socket.create_connection((servers.HOST, self.target), timeout=5) as server:
                server.settimeout(None)
                with self._connections_lock:
                    self._connections |= {client, server}
                patches: list[Patch | None] = []
                thread = threading.Thread(target=self._forward_requests, args=[client, server, patches], daemon=True)
                thread.start()
                self._forward_responses(server, client, patches)
                for connection in (client, server):
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                thread.join(5)
                with self._connections_lock:
                    self._connections -= {client, server}

    def _forward_requests(self, client: socket.socket, server: socket.socket, patches: list[Patch | None]) -> None:
        """Forward requests: headers, then as many bytes as Content-Length says. Browsers do not pipeline."""
        remaining, head, patch = 0, b"", None
        sender = Sender(client)
        passage = Passage(sender)
        with suppress(OSError):
            while chunk := sender.read():
                unsent = chunk
                while unsent:
                    if remaining:
                        count = min(remaining, len(unsent))
                        if patch and not (count := self.gate.take(passage, count)):
                            server.shutdown(socket.SHUT_WR)
                            return
                        part, unsent = unsent[:count], unsent[count:]
                        remaining -= count
                        server.sendall(part)
                        if patch:
                            patch.passed += count
                        continue
                    head += unsent
                    unsent = b""
                    if HEAD_END in head:
                        header, _, unsent = head.partition(HEAD_END)
                        head = b""
                        remaining, patch, passage = _length(header), _patch(header), Passage(sender)
                        patches.append(patch)
                        if patch:
                            self._record(patch)
                        server.sendall(header + HEAD_END)
            server.shutdown(socket.SHUT_WR)

    def _forward_responses(self, server: socket.socket, client: socket.socket, patches: list[Patch | None]) -> None:
        """Forward responses, and record the offset of a PATCH if the browser was still connected when its response was sent."""
        with suppress(OSError):
            while chunk := server.recv(CHUNK_BYTES):
                # Read before the browser gets the response and sends its next request.
                patch = patches[-1] if patches else None
                # The lock ensures that later requests of the browser are recorded after this response.
                with self._record_lock if patch else nullcontext():
                    is_received = _is_connected(client)
                    client.sendall(chunk)
                    if patch and patch.acknowledged is None and is_received:
                        patch.acknowledged = _acknowledged(chunk, patch)

    def _record(self, patch: Patch) -> None:
        with self._record_lock:
            offsets = [recorded.acknowledged or 0 for recorded in self.patches if recorded.upload == patch.upload]
            patch.acknowledged_before = max(offsets, default=0)
            self.patches.append(patch)


def resent(patches: list[Patch]) -> list[str]:
    """Describe each PATCH that began before its upload's acknowledged offset: it sent bytes twice without need."""
    return [
        f"{patch.upload}: {patch.offset} although {patch.acknowledged_before} were acknowledged"
        for patch in patches
        if patch.offset < patch.acknowledged_before
    ]


def _is_connected(client: socket.socket) -> bool:
    """Whether the browser's connection is open. A page that was left has closed it, but its last bytes may still arrive."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True


def _acknowledged(response: bytes, patch: Patch) -> int | None:
    offset = re.search(rb"\r\nUpload-Offset: (\d+)", response, re.IGNORECASE)
    if offset and response.startswith(b"HTTP/1.1 204"):
        return int(offset[1])
    return patch.length if response.startswith(b"HTTP/1.1 200") else None


def _length(head: bytes) -> int:
    length = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    return int(length[1]) if length else 0


def _patch(head: bytes) -> Patch | None:
    if part := re.match(rb"PUT (/\S+)\?uploadId=\S+?&partNumber=(\d+)", head):
        return Patch(f"{part[1].decode()} {part[2].decode()}", 0, _length(head))
    request = re.match(rb"PATCH /uploads/([\w-]+)/ ", head)
    offset = re.search(rb"\r\nUpload-Offset: (\d+)", head, re.IGNORECASE)
    if not request or not offset:
        return None
    return Patch(request[1].decode(), int(offset[1]), _length(head))
