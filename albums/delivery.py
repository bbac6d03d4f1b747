"""Responses with stored files: from the disk, by Darkroom or by a proxy that shares the disk (X_ACCEL); or by a bucket link."""

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
IMMUTABLE = "private, max-age=31536000, immutable"
"""For a URL that changes with its bytes, so that it never becomes stale."""
AN_HOUR = "private, max-age=3600"
"""For the redirect to a rendition's link: the link is valid for several hours, so the browser may cache it for one."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored file: its key, the SHA-256 of its bytes in hexadecimal, and the media type to send it as."""

    key: str
    sha256: str
    content_type: str

    @property
    def etag(self) -> str:
        """A strong entity tag. Depends only on the bytes, not on their key, date or server."""
        return f'"{self.sha256}"'


class Linking(Protocol):
    """The method that the default storage has beyond Django's own."""

    def link(
        self, key: str, *, name: str | None = None, content_type: str | None = None, method: str = "GET"
    ) -> str | None: ...


def download(request: HttpRequest, stored: Stored, name: str) -> HttpResponseBase:
    """Returns the file as a download, byte for byte. The headers keep a browser from executing its content on this site."""
    if link := _link(request, stored.key, name=name, content_type=stored.content_type):
        if not default_storage.exists(stored.key):  # the bucket would say so in XML
            raise _missing()
        return HttpResponseRedirect(link)
    response = _sandboxed(_from_disk(request, stored))
    response["Content-Disposition"] = attachment(name)
    return response


def rendition(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    """Returns a rendition, which never changes at its URL."""
    link = _link(request, stored.key)
    response = HttpResponseRedirect(link) if link else _sandboxed(_from_disk(request, stored))
    if response.status_code not in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        response["Cache-Control"] = AN_HOUR if link else IMMUTABLE
    return response


def _link(request: HttpRequest, key: str, **options: str) -> str | None:
    """Returns a link to the bucket, signed for the request's method only; None for a file on the disk."""
    return cast(Linking, default_storage).link(key, method=request.method or "GET", **options)


def _sandboxed(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


def _from_disk(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    return _by_proxy(stored) if settings.X_ACCEL and not _has_own_etag(request, stored) else _directly(request, stored)


def _has_own_etag(request: HttpRequest, stored: Stored) -> bool:
    """True if a condition of the request has this file's entity tag, which proxies cannot evaluate.

    nginx evaluates the condition before it uses this ETag, and Caddy 2.6 never uses it. They do handle ranges and If-Range.
    """
    return any(stored.etag in request.headers.get(header, "") for header in ("If-Match", "If-None-Match"))


def _directly(request: HttpRequest, stored: Stored) -> HttpResponseBase:
    try:
        file = default_storage.open(stored.key)
    except FileNotFoundError as error:
        raise _missing() from error
    return ranges.respond(request, file, stored.etag, stored.content_type)


def _by_proxy(stored: Stored) -> HttpResponse:
    """Returns headers only. nginx or Caddy add the file or the requested range."""
    if not default_storage.exists(stored.key):
        raise _missing()
    response = HttpResponse(headers={"ETag": stored.etag}, content_type=stored.content_type)
    response["X-Accel-Redirect"] = settings.X_ACCEL + quote(stored.key)
    return response


def _missing() -> Http404:
    return Http404("This file is missing from storage; manage.py verify lists missing files.")
