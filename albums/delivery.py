"""Stored bytes for a browser: from the disk, by us or by a proxy that shares it (X_ACCEL); or by a link to the bucket."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, cast
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect

from albums import ranges
from albums.attachments import attachment

RUNS_NOTHING = "sandbox; default-src 'none'"
FOR_EVER = "private, max-age=31536000, immutable"
"""For an address that changes with its bytes, so that it never goes stale."""
AN_HOUR = "private, max-age=3600"
"""A rendition's link is good for several hours, so a browser need not ask for it again in the next."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored file: its key, the SHA-256 of its bytes in hexadecimal, and the media type to send it as."""

    key: str
    sha256: str
    content_type: str

    @property
    def etag(self) -> str:
        """A strong entity tag. It depends on the bytes alone, not on their key, date or server."""
        return f'"{self.sha256}"'


class Linking(Protocol):
    """What the storage in use can do beyond Django's own."""

    def link(
        self, key: str, *, name: str | None = None, content_type: str | None = None, method: str = "GET"
    ) -> str | None: ...


def download(request: HttpRequest, stored: Stored, name: str) -> HttpResponseBase:
    """Byte for byte as received. Whatever it holds, no browser runs it here."""
    if link := _link(request, stored.key, name=name, content_type=stored.content_type):
        if not default_storage.exists(stored.key):  # the bucket would say so in XML
            raise _missing()
        return HttpResponseRedirect(link)
    response = _harmless(_from_disk(request, stored))
    response["Content-Disposition"] = attachment(name)
    return response


def rendition(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    """A picture that never changes at its address."""
    link = _link(request, stored.key)
    response = HttpResponseRedirect(link) if link else _harmless(_from_disk(request, stored))
    if response.status_code not in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        response["Cache-Control"] = AN_HOUR if link else FOR_EVER
    return response


def _link(request: HttpRequest, key: str, **told: str) -> str | None:
    """A signature is good for one method."""
    return cast(Linking, default_storage).link(key, method=request.method or "GET", **told)


def _harmless(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


def _from_disk(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    return _by_proxy(stored) if settings.X_ACCEL and not _names(request, stored) else _from_here(request, stored)


def _names(request: HttpRequest, stored: Stored) -> bool:
    """Does the client tell our entity tag, as a condition that no proxy can judge?

    nginx compares before it takes our tag for its own, and Caddy 2.6 never takes it. Ranges and If-Range are theirs.
    """
    return any(stored.etag in request.headers.get(header, "") for header in ("If-Match", "If-None-Match"))


def _from_here(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    try:
        file = default_storage.open(stored.key)
    except FileNotFoundError as error:
        raise _missing() from error
    return ranges.respond(request, file, stored.etag, stored.content_type)


def _by_proxy(stored: Stored) -> HttpResponse:
    """Headers alone; nginx and Caddy put the file, or the range of it, behind them."""
    if not default_storage.exists(stored.key):
        raise _missing()
    response = HttpResponse(headers={"ETag": stored.etag}, content_type=stored.content_type)
    response["X-Accel-Redirect"] = settings.X_ACCEL + quote(stored.key)
    return response


def _missing() -> Http404:
    return Http404("Its file is missing from storage; `manage.py verify` tells which.")
