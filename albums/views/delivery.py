"""A stored file on its way to a person who may have it: from here, or by the proxy in front that shares the disk (X_ACCEL)."""

from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

RUNS_NOTHING = "sandbox; default-src 'none'"
"""Whatever a file holds, no browser runs it here."""


def deliver(key: str, content_type: str, *, name: str = "") -> HttpResponseBase:
    """The file's bytes; as a download, where it has a name. Raises Http404 when they are missing."""
    response = _by_proxy(key) if settings.X_ACCEL and _is_on_disk(key) else _from_here(key)
    response["Content-Type"] = content_type
    response["Content-Security-Policy"] = RUNS_NOTHING
    if disposition := content_disposition_header(bool(name), name):
        response["Content-Disposition"] = disposition
    return response


def _is_on_disk(key: str) -> bool:
    """What lies elsewhere has no path: so Django's stores say it."""
    try:
        default_storage.path(key)
    except NotImplementedError:
        return False
    return True


def _from_here(key: str) -> FileResponse:
    try:
        return FileResponse(default_storage.open(key))
    except FileNotFoundError as error:
        raise _missing() from error


def _by_proxy(key: str) -> HttpResponse:
    """Headers alone. nginx and Caddy put the file in their place."""
    if not default_storage.exists(key):
        raise _missing()
    response = HttpResponse()
    response["X-Accel-Redirect"] = settings.X_ACCEL + quote(key)
    return response


def _missing() -> Http404:
    return Http404("Its file is missing from storage; `manage.py verify` tells which.")
