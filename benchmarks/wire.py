"""The least of an HTTP client: one connection, bodies that go from file to socket within the kernel."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests import servers


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes in hand, or a stretch of a file."""

    length: int
    said: bytes = b""
    path: Path | None = None
    at: int = 0

    @classmethod
    def saying(cls, said: bytes) -> "Body":
        return cls(len(said), said)

    @classmethod
    def of(cls, path: Path, at: int = 0, length: int | None = None) -> "Body":
        return cls(path.stat().st_size if length is None else length, path=path, at=at)


class Wire:
    def __init__(self, port: int) -> None:
        self._host = f"{servers.HOST}:{port}"
        self._line = socket.create_connection((servers.HOST, port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: Sequence[Body] = ()) -> dict[str, str]:
        """Returns the response's headers, by name in lower case. Raises RuntimeError if the status is no success."""
        lines = {"Host": self._host, "Content-Length": str(sum(part.length for part in body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._line.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        for part in body:
            if part.path is None:
                self._line.sendall(part.said)
                continue
            with part.path.open("rb") as file:
                self._line.sendfile(file, part.at, part.length)
        return self._answer(method, path)

    def _answer(self, method: str, path: str) -> dict[str, str]:
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more(answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._more(body)
        if not status.split()[1].startswith(("2", "302")):
            raise RuntimeError(f"{method} {path}: {status} {body[:500]!r}")
        return headers

    def _more(self, so_far: bytes) -> bytes:
        more = self._line.recv(65536)
        if not more:
            raise RuntimeError(f"the line broke after {so_far[:200]!r}")
        return more
