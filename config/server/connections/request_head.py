"""Parses what decides how a request is handled. gunicorn parses the head again, and rejects malformed ones."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

END = b"\r\n\r\n"
AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
BARE_LF = re.compile(rb"(?<!\r)\n")
SESSION_COOKIE = re.compile(rb"(?:^|;)[ \t]*(?:__Host-)?sessionid=([^;]*)")
"""SESSION_COOKIE_NAME in the settings, with the prefix that it has behind TLS."""


@dataclass(frozen=True, slots=True)
class Head:
    """The parsed head. `size` is the size of the head in bytes, including the empty line.

    `path` is the path that Django will see: decoded, without authority and query. `length` is the size of the body in bytes, or
    None if the body is chunked.
    """

    size: int
    path: bytes = b""
    length: int | None = 0
    content_type: bytes = b""
    expects_continue: bool = False
    session: bytes = b""
    """The value of the session cookie, if any."""

    @property
    def has_body(self) -> bool:
        return self.length != 0


def read(received: bytearray, searched: int = 0) -> Head | None:
    """Returns the head at the beginning of the bytes, or None if its end has not been received.

    The first `searched` bytes are known not to contain the end. A head with a bare line feed counts as complete, since it would
    never end: gunicorn responds with 400.
    """
    # RFC 9112, section 2.2: one empty line before the request is ignored.
    begin = 2 if received.startswith(b"\r\n") else 0
    searched = max(begin, searched - len(END) + 1)
    end = received.find(END, searched)
    if BARE_LF.search(received, searched, end if end >= 0 else len(received)):
        return Head(len(received))
    if end < 0:
        return None
    return _parsed(bytes(received[begin:end]), end + len(END))


def _parsed(text: bytes, size: int) -> Head:
    line, *fields = text.split(b"\r\n")
    headers = {}
    for field in fields:
        name, _, value = field.partition(b":")
        headers[name.lower()] = value.strip(b" \t")
    request_line = line.split(b" ")
    return Head(
        size,
        path=_path(request_line[1]) if len(request_line) > 1 else b"",
        length=_length(headers),
        content_type=headers.get(b"content-type", b"").partition(b";")[0].strip().lower(),
        session=_session(headers.get(b"cookie", b"")),
        expects_continue=headers.get(b"expect", b"").lower() == b"100-continue" and line.endswith(b"HTTP/1.1"),
    )


def _path(target: bytes) -> bytes:
    """Returns the path of a target such as `/%61lbums/?page=2` or `http://host/albums/` (RFC 9112, section 3.2)."""
    return unquote_to_bytes(AUTHORITY.sub(b"", target, count=1).partition(b"?")[0])


def _session(cookies: bytes) -> bytes:
    match = SESSION_COOKIE.search(cookies)
    return match[1].strip(b" \t") if match else b""


def _length(headers: dict[bytes, bytes]) -> int | None:
    """Returns the length of the body; None if it is chunked. An invalid number counts as 0: gunicorn rejects the request."""
    if b"transfer-encoding" in headers:
        return None
    digits = headers.get(b"content-length", b"")
    return int(digits) if digits.isdigit() and len(digits) < 20 else 0
