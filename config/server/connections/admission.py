"""What kind a request is, and whether it is refused by its head alone: before its body is read and before a thread is taken."""

import json
import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus

from config.server.connections.request_head import Head

SIGN_IN_BYTES = 16 << 10
"""The largest form that is read from a client who is not signed in."""
PAGE_BYTES = 1 << 20
"""The largest body of any other request that sends no files."""
LIST_BYTES = 4 << 20
"""The largest list of files: processing.uploads.manifest.MOST_BYTES, which a test holds this to."""

LIST_PATIENCE = 4
"""So many times as long as another request a list of files may take: what was chosen on a phone is as much as a small photo."""

UPLOADS = re.compile(rb"/albums/\d+/uploads/(tus/?)?|/uploads/[^/]+/?|/limits/probe/")
"""Addresses whose views read bodies of any size as they come, by their own limits and deadlines, once they know the sender."""
LISTS = re.compile(rb"/albums/\d+/uploads/(manifest/|direct/.+)")
SIGN_IN = re.compile(rb"/(accounts|admin/login|welcome)/.*")
"""Addresses whose views read a body from anybody."""
HEALTH = b"/healthz"
FORM = b"application/x-www-form-urlencoded"
JSON = b"application/json"


class Kind(Enum):
    """Requests of one kind never wait for threads that others hold."""

    PAGE = auto()
    """Its body, if it has one, is in memory before a thread takes it."""
    UPLOAD = auto()
    """Its body is read by the view."""
    HEALTH = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    status: HTTPStatus
    code: str
    message: str

    def answer(self, is_json: bool = False) -> bytes:
        """The whole response, after which the connection is closed."""
        told = (
            json.dumps({"error": self.code, "message": self.message}) if is_json else f"{self.message}\n({self.code})\n"
        )
        body = told.encode()
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


HEAD_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    "The browser sent more headers than this server takes. Delete this site's cookies, then try again.",
)
BODY_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request-too-large",
    "This request is larger than this page takes. Nothing was changed. Upload photos on the album's page.",
)
NOT_A_FORM = Refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "not-a-form",
    "Sign in with the form of the sign-in page: this address takes nothing else.",
)
TOO_SLOW = Refusal(
    HTTPStatus.REQUEST_TIMEOUT,
    "too-slow",
    "The connection was too slow for this request. Nothing was changed. Try again.",
)
CROWDED = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "crowded",
    "The server has too many requests at once. Nothing was changed. Try again in a moment.",
)
BROKEN = Refusal(
    HTTPStatus.BAD_REQUEST,
    "broken-request",
    "The request broke off, or its body is malformed. Nothing was changed. Try again.",
)


def kind(head: Head) -> Kind:
    if head.path == HEALTH:
        return Kind.HEALTH
    if head.has_body and UPLOADS.fullmatch(head.path):
        return Kind.UPLOAD
    return Kind.PAGE


def refusal(head: Head) -> Refusal | None:
    """None when the request may go on."""
    if not head.has_body or kind(head) is Kind.UPLOAD:
        return None
    if SIGN_IN.fullmatch(head.path) and head.content_type != FORM:
        return NOT_A_FORM
    if head.path == HEALTH or (head.length or 0) > most_bytes(head):
        return BODY_TOO_LARGE
    return None


def most_bytes(head: Head) -> int:
    """The largest body that the address takes, of a request that is no upload."""
    if SIGN_IN.fullmatch(head.path):
        return SIGN_IN_BYTES
    return LIST_BYTES if LISTS.fullmatch(head.path) else PAGE_BYTES


def patience(head: Head) -> int:
    """How many times as long as another the request may take to come whole."""
    return LIST_PATIENCE if LISTS.fullmatch(head.path) else 1
