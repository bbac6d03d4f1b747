"""A proxy between browser and server that the test commands: it cuts, holds uploads back, and writes down what went through.

It speaks TCP and reads along, so that what it records is what really left the browser, and what the server really answered."""

import re
import socket
import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from tests import servers
from tests.browser.gate import PIECE, Gate, Passage, Sender

HEAD_END = b"\r\n\r\n"


@dataclass
class Patch:
    """One PATCH as the browser sent it, and where the server said the upload stood then; or one part PUT to a bucket."""

    upload: str
    offset: int
    length: int
    passed: int = 0
    acknowledged: int | None = None
    acknowledged_before: int = 0
    """Of its upload, when this began."""


@dataclass
class Proxy:
    target: int
    gate: Gate = field(default_factory=Gate)
    patches: list[Patch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((servers.HOST, 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://{servers.HOST}:{self.port}"
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._guard = threading.Lock()
        self._order = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection now, and refuse new ones until mend()."""
        self._is_cut = True
        self.snap()

    def snap(self) -> None:
        """Break every connection once."""
        with self._guard:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self.cut()
        self.gate.close()
        self._listener.shutdown(socket.SHUT_RDWR)  # or its thread would keep waiting for a client
        self._listener.close()

    def passed(self) -> int:
        """Bytes of uploads that have gone upwards so far."""
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
                with self._guard:
                    self._open |= {client, server}
                asked: list[Patch | None] = []
                up = threading.Thread(target=self._up, args=[client, server, asked], daemon=True)
                up.start()
                self._down(server, client, asked)
                for end in (client, server):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                up.join(5)
                with self._guard:
                    self._open -= {client, server}

    def _up(self, client: socket.socket, server: socket.socket, asked: list[Patch | None]) -> None:
        """Requests: a head, then as many bytes as it says. Browsers do not pipeline."""
        left, head, patch = 0, b"", None
        sender = Sender(client)
        passage = Passage(sender)
        with suppress(OSError):
            while piece := sender.read():
                rest = piece
                while rest:
                    if left:
                        count = min(left, len(rest))
                        if patch and not (count := self.gate.take(passage, count)):
                            server.shutdown(socket.SHUT_WR)
                            return
                        part, rest = rest[:count], rest[count:]
                        left -= count
                        server.sendall(part)
                        if patch:
                            patch.passed += count
                        continue
                    head += rest
                    rest = b""
                    if HEAD_END in head:
                        told, _, rest = head.partition(HEAD_END)
                        head = b""
                        left, patch, passage = _length(told), _patch(told), Passage(sender)
                        asked.append(patch)
                        if patch:
                            self._began(patch)
                        server.sendall(told + HEAD_END)
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket, asked: list[Patch | None]) -> None:
        """Answers; of those to a PATCH, the offset is read. An answer counts when a browser that listens was sent it."""
        with suppress(OSError):
            while piece := server.recv(PIECE):
                patch = asked[-1] if asked else None  # before the browser has the answer, and asks for more
                with self._order if patch else nullcontext():  # what it does then, it does knowing the answer
                    is_heard = _is_listening(client)
                    client.sendall(piece)
                    if patch and patch.acknowledged is None and is_heard:
                        patch.acknowledged = _acknowledged(piece, patch)

    def _began(self, patch: Patch) -> None:
        with self._order:
            known = [each.acknowledged or 0 for each in self.patches if each.upload == patch.upload]
            patch.acknowledged_before = max(known, default=0)
            self.patches.append(patch)


def resent(patches: list[Patch]) -> list[str]:
    """Where a PATCH began before what had been acknowledged of its upload by then: bytes that were sent twice for nothing."""
    return [
        f"{patch.upload}: {patch.offset} although {patch.acknowledged_before} were acknowledged"
        for patch in patches
        if patch.offset < patch.acknowledged_before
    ]


def _is_listening(client: socket.socket) -> bool:
    """A page that was left has closed its connection, though what it had sent by then may still be on its way through here."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True


def _acknowledged(answer: bytes, patch: Patch) -> int | None:
    told = re.search(rb"\r\nUpload-Offset: (\d+)", answer, re.IGNORECASE)
    if told and answer.startswith(b"HTTP/1.1 204"):
        return int(told[1])
    return patch.length if answer.startswith(b"HTTP/1.1 200") else None


def _length(head: bytes) -> int:
    told = re.search(rb"\r\nContent-Length: (\d+)", head, re.IGNORECASE)
    return int(told[1]) if told else 0


def _patch(head: bytes) -> Patch | None:
    if part := re.match(rb"PUT (/\S+)\?uploadId=\S+?&partNumber=(\d+)", head):
        return Patch(f"{part[1].decode()} {part[2].decode()}", 0, _length(head))
    asked = re.match(rb"PATCH /uploads/([\w-]+)/ ", head)
    offset = re.search(rb"\r\nUpload-Offset: (\d+)", head, re.IGNORECASE)
    if not asked or not offset:
        return None
    return Patch(asked[1].decode(), int(offset[1]), _length(head))
