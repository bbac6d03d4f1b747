"""Stored bytes for a browser: from the disk, by us or by a proxy that shares it (X_ACCEL); or by a link to the bucket."""

from typing import Protocol, cast
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect

from albums.attachments import attachment

RUNS_NOTHING = "sandbox; default-src 'none'"
FOR_EVER = "private, max-age=31536000, immutable"
"""For an address that changes with its bytes, so that it never goes stale."""
AN_HOUR = "private, max-age=3600"
"""A rendition's link is good for several hours, so a browser need not ask for it again in the next."""


class Linking(Protocol):
    """What the storage in use can do beyond Django's own."""

    def link(self, key: str, *, name: str | None = None, content_type: str | None = None) -> str | None: ...


def download(key: str, name: str, content_type: str) -> HttpResponseBase:
    """Byte for byte as received. Whatever it holds, no browser runs it here."""
    if link := cast(Linking, default_storage).link(key, name=name, content_type=content_type):
        if not default_storage.exists(key):  # the bucket would say so in XML
            raise _missing()
        return HttpResponseRedirect(link)
    response = _harmless(_from_disk(key, content_type))
    response["Content-Disposition"] = attachment(name)
    return response


def rendition(key: str, content_type: str) -> HttpResponseBase:
    """A picture that never changes at its address."""
    link = cast(Linking, default_storage).link(key)
    response = HttpResponseRedirect(link) if link else _harmless(_from_disk(key, content_type))
    response["Cache-Control"] = AN_HOUR if link else FOR_EVER
    return response


def _harmless(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


def _from_disk(key: str, content_type: str) -> HttpResponseBase:
    response = _by_proxy(key) if settings.X_ACCEL else _from_here(key)
    response["Content-Type"] = content_type
    return response


def _from_here(key: str) -> FileResponse:
    try:
        return FileResponse(default_storage.open(key))
    except FileNotFoundError as error:
        raise _missing() from error


def _by_proxy(key: str) -> HttpResponse:
    """Headers alone; nginx and Caddy put the file behind them."""
    if not default_storage.exists(key):
        raise _missing()
    response = HttpResponse()
    response["X-Accel-Redirect"] = settings.X_ACCEL + quote(key)
    return response


def _missing() -> Http404:
    return Http404("Its file is missing from storage; `manage.py verify` tells which.")
