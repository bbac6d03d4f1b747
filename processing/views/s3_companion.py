"""Uploads straight to the bucket: the routes of Uppy's Companion, for the page and for an unmodified Uppy.

https://uppy.io/docs/companion/ · Darkroom signs, lists and joins the parts, and never receives their bytes. The URLs contain
the upload's own id, not the bucket's, which may change. Every response is JSON, and none is a redirect.
"""

import json
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from albums.access import AlbumInTrash, album_or_404
from albums.models import Album
from processing.lib import csrf
from processing.models import Batch, Upload
from processing.models.states import IS_A_PHOTO, UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations
from processing.storage.s3 import s3_multipart
from processing.storage.storage_errors import StorageError
from processing.uploads import filenames, manifest, problems
from processing.uploads.body import body_timeouts, request_body, upload_slots
from processing.uploads.creation import create_upload
from processing.uploads.direct import multipart as direct_multipart
from processing.uploads.direct import upload_token
from processing.uploads.manifest import BadManifest
from processing.uploads.problems import HttpProblem, Problem
from processing.uploads.tus import protocol
from processing.uploads.tus.protocol import Creation
from processing.views.problem_responses import busy, problem_response

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Upload, P], HttpResponse]

MAX_BODY_BYTES = 2 << 20
"""Enough for a list of 10,000 parts, the maximum."""
MAX_BODY_SECONDS = 30.0
"""Time limit for the whole body."""

NO_BUCKET = Problem(HTTPStatus.NOT_FOUND, "no-bucket", "No bucket is configured. Upload through the server.")
FOREIGN = Problem(HTTPStatus.FORBIDDEN, "origin", "Only pages of this server may request this.")
BAD_BODY = Problem(
    HTTPStatus.BAD_REQUEST, "bad-body", 'Send JSON: {"filename": …} to begin, {"parts": […]} to complete.'
)


def endpoint(request: HttpRequest, album: Album) -> str | None:
    """Returns Uppy's companionEndpoint for this user's uploads to the album; None if new files do not go to the bucket."""
    if locations.for_new() != storage_keys.BUCKET:
        return None
    params = reverse("processing:direct-params", args=[album.pk, upload_token.issue(request.user, album)])
    return params.removesuffix("/s3/params")


def companion_endpoint(**views: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Builds a route from one view for each method. Checks sign-in, upload token and origin, and returns errors as JSON."""

    def route(request: HttpRequest, pk: int, token: str, **kwargs: Any) -> HttpResponse:
        try:
            view = views.get(request.method or "")
            if view is None:
                raise HttpProblem(problems.METHOD_NOT_ALLOWED)
            album = _check_access(request, pk, token)
            response = view(request, album, **kwargs)
        except HttpProblem as error:
            response = _problem_response(request, error.problem)
        except AlbumInTrash:
            response = _problem_response(request, problems.ALBUM_IN_TRASH)
        except (Http404, Album.DoesNotExist):
            response = _problem_response(request, problems.NO_SUCH_UPLOAD)
        except StorageError as error:
            response = _problem_response(request, Problem(HTTPStatus.SERVICE_UNAVAILABLE, error.code, error.message))
        request_body.close_after_response(request)  # a body that the view did not read stays unread
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(login_not_required(route))


def own_upload(view: View[P]) -> Callable[..., HttpResponse]:
    """Decorates a view of one upload. Raises Http404 unless the user sent it."""

    @wraps(view)
    def of_upload(request: HttpRequest, album: Album, upload: UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        uploads = Upload.objects.select_related("batch").filter(album=album, batch__opened_by=request.user.pk)
        return view(request, get_object_or_404(uploads, pk=upload), *args, **kwargs)

    return of_upload


def _params(request: HttpRequest, album: Album) -> HttpResponse:
    """Creates an upload that is sent as one form, as Uppy does with small files."""
    metadata = {name: request.GET.get(f"metadata[{name}]") for name in ("size", "relativePath")}
    upload = _create_upload(request, album, request.GET.get("filename"), metadata["size"], metadata["relativePath"])
    form = direct_multipart.form(upload)
    return JsonResponse(
        {"method": "POST", "url": form.url, "fields": form.fields, "expires": s3_multipart.LIFETIME_SECONDS}
    )


def _create(request: HttpRequest, album: Album) -> HttpResponse:
    """Creates an upload that is sent in parts."""
    body = _body(request)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    upload = _create_upload(request, album, body.get("filename"), metadata.get("size"), metadata.get("relativePath"))
    direct_multipart.begin(upload)
    return JsonResponse({"key": upload.key, "uploadId": str(upload.pk)})


@own_upload
def _list(request: HttpRequest, upload: Upload) -> HttpResponse:
    parts = [
        {"PartNumber": part.number, "Size": part.size, "ETag": part.etag}
        for part in direct_multipart.list_parts(upload)
    ]
    return JsonResponse(parts, safe=False)


@own_upload
def _sign(request: HttpRequest, upload: Upload, number: int) -> HttpResponse:
    """Returns a signed URL for one part. With `size` in the query, the URL accepts exactly that number of bytes."""
    url = direct_multipart.sign(upload, number, _number(request.GET.get("size")))
    return JsonResponse({"url": url, "expires": s3_multipart.LIFETIME_SECONDS})


@own_upload
def _arrived(request: HttpRequest, upload: Upload) -> HttpResponse:
    direct_multipart.touch(upload, _number(request.GET.get("bytes")) or 0)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@own_upload
def _complete(request: HttpRequest, upload: Upload) -> HttpResponse:
    """Returns 200 if the file is received, or 202 while a worker has yet to read it back: the client has to ask again."""
    is_done = direct_multipart.complete(upload, _checksum(_body(request)))
    upload.refresh_from_db()
    if not is_done and upload.state == UploadState.RECEIVING:
        response = JsonResponse({"state": "checking", **_location(upload)}, status=HTTPStatus.ACCEPTED)
        return busy(response, "read-back")
    if upload.state == UploadState.REJECTED and upload.code not in IS_A_PHOTO:
        raise HttpProblem(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, upload.code, upload.message))
    if upload.state in (UploadState.CANCELLED, UploadState.EXPIRED):
        raise HttpProblem(problems.GONE)
    return JsonResponse({"state": "received", **_location(upload)})


@own_upload
def _abort(request: HttpRequest, upload: Upload) -> HttpResponse:
    direct_multipart.abort(upload)
    return JsonResponse({})


params = companion_endpoint(GET=_params)
multipart = companion_endpoint(POST=_create)
upload = companion_endpoint(GET=_list, DELETE=_abort)
part = companion_endpoint(GET=_sign)
arrived = companion_endpoint(POST=_arrived)
complete = companion_endpoint(POST=_complete)


def _check_access(request: HttpRequest, pk: int, token: str) -> Album:
    """Returns the album if the request may upload to it. Raises HttpProblem, Http404 or AlbumInTrash."""
    if not request.user.is_authenticated:
        raise HttpProblem(problems.SIGN_IN)
    if not upload_token.is_valid(token, request.user, pk):
        raise Http404
    if _is_cross_origin(request):
        raise HttpProblem(FOREIGN)
    album = album_or_404(request, pk)
    if locations.for_new() != storage_keys.BUCKET:
        raise HttpProblem(NO_BUCKET)
    return album


def _is_cross_origin(request: HttpRequest) -> bool:
    """True if Sec-Fetch-Site or Origin names another origin. Clients other than browsers send neither and need only the token."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return True
    return csrf.is_cross_origin(request)


def _create_upload(request: HttpRequest, album: Album, name: object, size: object, path: object) -> Upload:
    if not isinstance(name, str) or not name:
        raise HttpProblem(BAD_BODY)
    assert isinstance(request.user, User)
    creation = Creation(_number(size), filenames.with_folders(name, path))
    upload = create_upload(request.user, album, Batch.Source.DIRECT, creation)
    if upload.state != UploadState.RECEIVING:
        raise HttpProblem(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, upload.code, upload.message))
    return upload


def _body(request: HttpRequest) -> dict[str, Any]:
    if (request_body.length(request) or 0) > MAX_BODY_BYTES:
        raise HttpProblem(BAD_BODY)
    try:
        with (
            upload_slots.acquire(request.user.pk or 0),
            request_body.idle_timeout(request, body_timeouts.for_small_body(MAX_BODY_SECONDS)),
        ):
            body = request_body.read(request, MAX_BODY_BYTES + 1)
    except request_body.LengthUnknown:
        raise HttpProblem(problems.LENGTH_REQUIRED) from None
    except UnreadablePostError:
        raise HttpProblem(problems.MALFORMED_BODY) from None
    try:
        payload = json.loads(body) if len(body) <= MAX_BODY_BYTES else None
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise HttpProblem(BAD_BODY)
    return payload


def _checksum(body: dict[str, Any]) -> str:
    try:
        return manifest.checksum(body.get("sha256"))
    except BadManifest as error:
        raise HttpProblem(Problem(HTTPStatus.BAD_REQUEST, BAD_BODY.code, str(error))) from None


def _number(value: object) -> int | None:
    """Parses a size from a query or JSON; None if it is not one."""
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= protocol.MAX_DIGITS else None


def _location(upload: Upload) -> dict[str, str]:
    return {"location": upload.album.get_absolute_url(), "key": upload.key}


def _problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    response = problem_response(request, problem)
    return busy(response, "bucket") if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else response
