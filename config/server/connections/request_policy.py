"""Classifies requests by their head, and rejects some before their body is read and before they occupy a thread."""

import json
import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from config.server.connections.request_head import Head

MAX_SIGN_IN_BYTES = 16 << 10
"""The largest form that an anonymous client may send."""
MAX_PAGE_BYTES = 1 << 20
"""The largest body of any other request that sends no files."""
MAX_LIST_BYTES = 4 << 20
"""The largest list of files. A test compares it with processing.uploads.manifest.MAX_BYTES."""

LIST_TIME_FACTOR = 4
"""Factor for the time limit of a list of files: a list of files chosen on a phone can be as large as a small photo."""

UPLOADS = re.compile(rb"/albums/\d+/uploads/(tus/?)?|/uploads/[^/]+/?|/limits/probe/")
"""Paths of views that read bodies of any size as they arrive, with their own limits and deadlines, after authentication."""
LISTS = re.compile(rb"/albums/\d+/uploads/(manifest/|direct/.+)")
SIGN_IN = re.compile(rb"/(accounts|admin/login|welcome)/.*")
"""Paths of views that read a body from anonymous clients."""
HEALTH = frozenset({b"/healthz", b"/readyz"})
FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"


class RequestKind(Enum):
    """The kind of a request. Each kind has its own threads, so that no kind waits for another."""

    PAGE = auto()
    """The whole body is in memory before a thread handles the request."""
    UPLOAD = auto()
    """The view reads the body."""
    HEALTH = auto()


@dataclass(frozen=True, slots=True)
class Rejection:
    status: HTTPStatus
    code: str
    message: str

    def response(self, is_json: bool = False) -> bytes:
        """Returns the whole response; the connection is closed after it."""
        text = (
            json.dumps({"error": self.code, "message": self.message}) if is_json else f"{self.message}\n({self.code})\n"
        )
        body = text.encode()
        lines = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Connection: close",
            f"Content-Type: {'application/json' if is_json else 'text/plain; charset=utf-8'}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store, private",
            "X-Content-Type-Options: nosniff",
            "Content-Security-Policy: default-src 'none'",
        )
        return "\r\n".join((*lines, "", "")).encode() + body


HEAD_TOO_LARGE = Rejection(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    "The request's headers are too large. Delete this site's cookies, then try again.",
)
BODY_TOO_LARGE = Rejection(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request-too-large",
    "The request is too large for this page. Nothing was changed. Upload photos on the album's page.",
)
NOT_A_FORM = Rejection(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not-a-form",
    "This address accepts only the form of the sign-in page.",
)
TOO_SLOW = Rejection(
    HTTPStatus.REQUEST_TIMEOUT,
    "too-slow",
    "The connection was too slow. Nothing was changed. Try again.",
)
OVERLOADED = Rejection(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server is busy. Nothing was changed. Try again in a moment.",
)
MALFORMED_REQUEST = Rejection(
    HTTPStatus.BAD_REQUEST,
    "broken-request",
    "The request was interrupted or malformed. Nothing was changed. Try again.",
)


def kind(head: Head) -> RequestKind:
    if head.path in HEALTH:
        return RequestKind.HEALTH
    if head.has_body and UPLOADS.fullmatch(head.path):
        return RequestKind.UPLOAD
    return RequestKind.PAGE


def rejection(head: Head) -> Rejection | None:
    """Returns the reason to reject the request, or None."""
    if not head.has_body or kind(head) is RequestKind.UPLOAD:
        return None
    if SIGN_IN.fullmatch(head.path) and head.content_type != FORM:
        return NOT_A_FORM
    if head.path in HEALTH or (head.length or 0) > max_body_bytes(head):
        return BODY_TOO_LARGE
    return None


def max_body_bytes(head: Head) -> int:
    """Returns the largest body in bytes that the path accepts, for requests other than uploads."""
    if SIGN_IN.fullmatch(head.path):
        return MAX_SIGN_IN_BYTES
    return MAX_LIST_BYTES if LISTS.fullmatch(head.path) else MAX_PAGE_BYTES


def time_factor(head: Head) -> int:
    """Returns the factor for the time limit of the whole request."""
    return LIST_TIME_FACTOR if LISTS.fullmatch(head.path) else 1
