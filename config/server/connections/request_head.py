"""The head of a request, as far as it decides where the request goes. gunicorn parses it again, and refuses malformed ones."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

END = b"\r\n\r\n"
AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
BARE_LF = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says of itself. `size` is that of the head in bytes, with the empty line.

    `path` is as Django will see it: decoded, without authority and query. `length` is that of the body in bytes; None when it
    comes in chunks.
    """

    size: int
    path: bytes = b""
    length: int | None = 0
    content_type: bytes = b""
    expects_continue: bool = False

    @property
    def has_body(self) -> bool:
        return self.length != 0


def read(received: bytearray, searched: int = 0) -> Head | None:
    """Returns the head with which the bytes begin; None while its end has not come.

    Of the first `searched` bytes it is known that the end is not in them. A head with a bare line feed never ends, so it counts
    as ended: gunicorn answers 400.
    """
    begin = (
        2 if received.startswith(b"\r\n") else 0
    )  # RFC 9112 section 2.2: one empty line before the request is ignored
    searched = max(begin, searched - len(END) + 1)
    end = received.find(END, searched)
    if BARE_LF.search(received, searched, end if end >= 0 else len(received)):
        return Head(len(received))
    if end < 0:
        return None
    return _parsed(bytes(received[begin:end]), end + len(END))


def _parsed(text: bytes, size: int) -> Head:
    line, *fields = text.split(b"\r\n")
    told = {}
    for field in fields:
        name, _, value = field.partition(b":")
        told[name.lower()] = value.strip(b" \t")
    words = line.split(b" ")
    return Head(
        size,
        path=_path(words[1]) if len(words) > 1 else b"",
        length=_length(told),
        content_type=told.get(b"content-type", b"").partition(b";")[0].strip().lower(),
        expects_continue=told.get(b"expect", b"").lower() == b"100-continue" and line.endswith(b"HTTP/1.1"),
    )


def _path(target: bytes) -> bytes:
    """Of `/%61lbums/?page=2` or `http://host/albums/` (RFC 9112, section 3.2)."""
    return unquote_to_bytes(AUTHORITY.sub(b"", target, count=1).partition(b"?")[0])


def _length(told: dict[bytes, bytes]) -> int | None:
    """One that is no number counts as none: gunicorn refuses it before it reads the body."""
    if b"transfer-encoding" in told:
        return None
    digits = told.get(b"content-length", b"")
    return int(digits) if digits.isdigit() and len(digits) < 20 else 0
