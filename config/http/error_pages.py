"""Django's error handlers. They distinguish temporary errors from faults.

Errors raised while the CSRF check reads a body never reach a middleware's process_exception, so this is handler500's work.
"""

import errno
import logging
import re
import sqlite3
import sys
from http import HTTPStatus

from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from albums.access import AlbumInTrash, MayNotDelete
from albums.problem_json import problem
from config.http.upload_handlers import FilesNotAccepted
from processing.storage.storage_errors import StorageError
from processing.uploads.body import request_body
from processing.views.problem_responses import busy

log = logging.getLogger(__name__)

FULL = {errno.ENOSPC, errno.EDQUOT}
DISK_FULL = "53100"
"""PostgreSQL's error code (its manual, appendix A)."""
NOT_ALLOWED = "Your account doesn't have permission to do this."
NO_PAGE = "There is no page at this address. Check it for typos."
OF_ALBUM = "This album was deleted, or it belongs to another user."
OF_PHOTO = "This photo was deleted, or it belongs to another user."
OF_BATCH = "This upload record was deleted, or it belongs to another user."
NOT_YOURS = "This page doesn't exist, or you don't have permission to open it."
PHOTO_ROUTE = re.compile("(photos|companions)/")
BUSY = "The server is busy. Nothing was lost. Try again in a moment."
NO_ROOM = "The server's disk is full. Nothing was lost. Free up space, then try again."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Returns 400; for a form with files to a view that accepts none, 413 `files-not-taken`, without reading the body's rest."""
    if isinstance(exception, FilesNotAccepted):
        request_body.close_after_response(request)
        return _no_files(request, exception)
    return _error_page("400.html", HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    message = exception.message if isinstance(exception, MayNotDelete) else NOT_ALLOWED
    return _error_page("403.html", HTTPStatus.FORBIDDEN, message=message)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Returns 404. For an album in the trash, users with the permission to restore it get a page that offers this."""
    if isinstance(exception, AlbumInTrash):
        return render(request, "trash/album.html", {"album": exception.album}, status=HTTPStatus.NOT_FOUND)
    return _error_page("404.html", HTTPStatus.NOT_FOUND, message=_missing(request))


def too_many_requests(request: HttpRequest, seconds: int = 60) -> HttpResponse:
    """Returns 429 with Retry-After. allauth does not pass `seconds`, because its limits count by the minute."""
    response = render(request, "429.html", {"wait": seconds}, status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(seconds)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Returns 503 if the database is locked or unreachable or the bucket fails, 507 if the disk is full, and 500 otherwise.

    503 and 507 have a Retry-After header.
    """
    error = sys.exc_info()[1]
    if isinstance(error, StorageError):
        log.warning("%s %s: %s", request.method, request.path, error)
        return _temporary_error(request, HTTPStatus.SERVICE_UNAVAILABLE, error.message)
    if _is_disk_full(error):
        return _temporary_error(request, HTTPStatus.INSUFFICIENT_STORAGE, NO_ROOM)
    if isinstance(error, OperationalError):
        connection.close()  # a connection that was opened read-only would stay read-only
        return _temporary_error(request, HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
    return render(request, "500.html", status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _no_files(request: HttpRequest, exception: FilesNotAccepted) -> HttpResponse:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if not request.accepts("text/html"):
        return problem(status, exception.code, exception.message)
    return _error_page("400.html", status, message=exception.message)


def _missing(request: HttpRequest) -> str:
    """Returns the message for a 404. It is the same for deleted objects and those of other users, and discloses neither."""
    match = request.resolver_match
    if match is None:
        return NO_PAGE
    if match.namespace == "albums":
        return OF_PHOTO if PHOTO_ROUTE.match(match.route) else OF_ALBUM
    if match.namespace == "processing" and match.route.startswith("albums/"):
        return OF_ALBUM
    if match.namespace == "processing" and match.route.startswith("batches/"):
        return OF_BATCH
    return NOT_YOURS


def _error_page(page: str, status: HTTPStatus, **context: str) -> HttpResponse:
    """Django's own look for a CSRF token first, in a body that may be what cannot be read, and then end in a 500."""
    return HttpResponse(render_to_string(page, {"status": int(status), **context}), status=status)


def _is_disk_full(error: BaseException | None) -> bool:
    """The disk of the database counts too."""
    if isinstance(error, OperationalError):
        cause = error.__cause__
        return (
            getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            or getattr(cause, "sqlstate", "") == DISK_FULL
        )
    return isinstance(error, OSError) and error.errno in FULL


def _temporary_error(request: HttpRequest, status: HTTPStatus, message: str) -> HttpResponse:
    return busy(render(request, "busy.html", {"message": message, "status": int(status)}, status=status), "server")
