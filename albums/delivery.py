"""Stored bytes for a browser: handed over here from the disk, or by a link to the bucket, which a browser follows by itself."""

from typing import Any, Protocol, cast

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponseBase, HttpResponseRedirect

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
        return HttpResponseRedirect(link)
    return _harmless(_file(key, as_attachment=True, filename=name, content_type=content_type))


def rendition(key: str, content_type: str) -> HttpResponseBase:
    """A picture that never changes at its address."""
    link = cast(Linking, default_storage).link(key)
    response = HttpResponseRedirect(link) if link else _harmless(_file(key, content_type=content_type))
    response["Cache-Control"] = AN_HOUR if link else FOR_EVER
    return response


def _harmless(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = RUNS_NOTHING
    return response


def _file(key: str, **headers: Any) -> FileResponse:
    try:
        return FileResponse(default_storage.open(key), **headers)
    except FileNotFoundError as error:
        raise Http404("Its file is missing from storage; `manage.py verify` tells which.") from error
