"""Straight to the bucket: the routes of Uppy's Companion, for the page and for an unmodified Uppy.

https://uppy.io/docs/companion/ · The bytes never come here: only what is to be signed, listed and put together. An upload is
named by its own id; what the bucket calls it is no client's business, and may change. Every answer is JSON, and none a redirect.
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
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from albums.models import Album
from albums.views.access import AlbumInTrash, album_or_404
from processing.models import Batch, Upload
from processing.models.states import IS_A_PHOTO, UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations
from processing.storage.errors import StorageTrouble
from processing.storage.s3 import multipart as s3_multipart
from processing.uploads import body_timeouts, filenames, manifest, problems
from processing.uploads.direct import multipart as direct_multipart
from processing.uploads.manifest import BadManifest
from processing.uploads.problems import Refusal, Refused
from processing.uploads.tus import protocol
from processing.uploads.tus.protocol import Creation
from processing.views import request_body, upload_slots, upload_token
from processing.views.tus import IN_TRASH, NOT_ALLOWED, SIGN_IN, expected, let_go

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Upload, P], HttpResponse]

MOST_BYTES = 2 << 20
"""A body lists ten thousand parts at most."""
MOST_SECONDS = 30.0
"""All of it has to come within this."""
LOOK_AGAIN_SECONDS = 2
RETRY_AFTER_SECONDS = 5

NOT_FOUND = Refusal(HTTPStatus.NOT_FOUND, "not-found", "There is no such upload.")
NO_BUCKET = Refusal(HTTPStatus.NOT_FOUND, "no-bucket", "Uploads go through the server here, since no bucket is set up.")
FOREIGN = Refusal(HTTPStatus.FORBIDDEN, "origin", "This can be asked from pages of this server only.")
BAD_BODY = Refusal(
    HTTPStatus.BAD_REQUEST, "bad-body", 'Send JSON: {"filename": …} to begin, {"parts": […]} to complete.'
)


def endpoint(request: HttpRequest, album: Album) -> str | None:
    """Where this person's uploads to the album go straight to the bucket: Uppy's companionEndpoint. None when they do not."""
    if locations.for_new() != storage_keys.BUCKET:
        return None
    params = reverse("processing:direct-params", args=[album.pk, upload_token.make(request.user, album)])
    return params.removesuffix("/s3/params")


def speaks_companion(**views: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """The frame of every route: one view for each method, sign-in, pass and origin, errors as JSON."""

    def framed(request: HttpRequest, pk: int, token: str, **named: Any) -> HttpResponse:
        try:
            view = views.get(request.method or "")
            if view is None:
                raise Refused(NOT_ALLOWED)
            album = _admitted(request, pk, token)
            response = view(request, album, **named)
        except Refused as refused:
            response = _refusal(request, refused.refusal)
        except AlbumInTrash:
            response = _refusal(request, IN_TRASH)
        except (Http404, Album.DoesNotExist):
            response = _refusal(request, NOT_FOUND)
        except StorageTrouble as trouble:
            response = _refusal(request, Refusal(HTTPStatus.SERVICE_UNAVAILABLE, trouble.code, trouble.message))
        request_body.close_after(request)  # a body that nobody asked for is not read
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(login_not_required(framed))


def own(view: View[P]) -> Callable[..., HttpResponse]:
    """The view of one upload, which is its sender's alone."""

    @wraps(view)
    def of_upload(request: HttpRequest, album: Album, upload: UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        mine = Upload.objects.select_related("batch").filter(album=album, batch__opened_by=request.user.pk)
        return view(request, get_object_or_404(mine, pk=upload), *args, **kwargs)

    return of_upload


def _params(request: HttpRequest, album: Album) -> HttpResponse:
    """A new upload that comes as one form, as Uppy sends small files."""
    told = {name: request.GET.get(f"metadata[{name}]") for name in ("size", "relativePath")}
    upload = _new(request, album, request.GET.get("filename"), told["size"], told["relativePath"])
    form = direct_multipart.form(upload)
    return JsonResponse(
        {"method": "POST", "url": form.url, "fields": form.fields, "expires": s3_multipart.LIFETIME_SECONDS}
    )


def _create(request: HttpRequest, album: Album) -> HttpResponse:
    """A new upload that comes in parts."""
    body = _body(request)
    metadata = body.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    upload = _new(request, album, body.get("filename"), told.get("size"), told.get("relativePath"))
    direct_multipart.begin(upload)
    return JsonResponse({"key": upload.key, "uploadId": str(upload.pk)})


@own
def _list(request: HttpRequest, upload: Upload) -> HttpResponse:
    listed = [
        {"PartNumber": part.number, "Size": part.size, "ETag": part.etag} for part in direct_multipart.listed(upload)
    ]
    return JsonResponse(listed, safe=False)


@own
def _sign(request: HttpRequest, upload: Upload, number: int) -> HttpResponse:
    """With `size` in the query, the address takes exactly so many bytes."""
    url = direct_multipart.sign(upload, number, _number(request.GET.get("size")))
    return JsonResponse({"url": url, "expires": s3_multipart.LIFETIME_SECONDS})


@own
def _arrived(request: HttpRequest, upload: Upload) -> HttpResponse:
    direct_multipart.touch(upload, _number(request.GET.get("bytes")) or 0)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@own
def _complete(request: HttpRequest, upload: Upload) -> HttpResponse:
    """200 when it is received; 202 while a worker has still to read it back: the same question is answered later."""
    is_over = direct_multipart.complete(upload, _checksum(_body(request)))
    upload.refresh_from_db()
    if not is_over and upload.state == UploadState.RECEIVING:
        response = JsonResponse({"state": "checking", **_place(upload)}, status=HTTPStatus.ACCEPTED)
        response["Retry-After"] = str(LOOK_AGAIN_SECONDS)
        return response
    if upload.state == UploadState.REFUSED and upload.code not in IS_A_PHOTO:
        raise Refused(Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, upload.code, upload.message))
    if upload.state in (UploadState.CANCELLED, UploadState.EXPIRED):
        raise Refused(problems.GONE)
    return JsonResponse({"state": "received", **_place(upload)})


@own
def _abort(request: HttpRequest, upload: Upload) -> HttpResponse:
    direct_multipart.abort(upload)
    return JsonResponse({})


params = speaks_companion(GET=_params)
multipart = speaks_companion(POST=_create)
upload = speaks_companion(GET=_list, DELETE=_abort)
part = speaks_companion(GET=_sign)
arrived = speaks_companion(POST=_arrived)
complete = speaks_companion(POST=_complete)


def _admitted(request: HttpRequest, pk: int, token: str) -> Album:
    if not request.user.is_authenticated:
        raise Refused(SIGN_IN)
    if not upload_token.is_good(token, request.user, pk):
        raise Http404
    if _is_from_elsewhere(request):
        raise Refused(FOREIGN)
    album = album_or_404(request, pk)
    if locations.for_new() != storage_keys.BUCKET:
        raise Refused(NO_BUCKET)
    return album


def _is_from_elsewhere(request: HttpRequest) -> bool:
    """Browsers tell of it by one of two headers; a program tells nothing, and has the pass."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return True
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    return "Origin" in request.headers and not check._origin_verified(request)  # type: ignore[attr-defined]


def _new(request: HttpRequest, album: Album, name: object, size: object, path: object) -> Upload:
    if not isinstance(name, str) or not name:
        raise Refused(BAD_BODY)
    assert isinstance(request.user, User)
    asked = Creation(_number(size), filenames.with_folders(name, path))
    upload = expected(request.user, album, Batch.Source.DIRECT, asked)
    if upload.state != UploadState.RECEIVING:
        raise Refused(Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, upload.code, upload.message))
    return upload


def _body(request: HttpRequest) -> dict[str, Any]:
    if (request_body.length(request) or 0) > MOST_BYTES:
        raise Refused(BAD_BODY)
    try:
        with (
            upload_slots.place(request.user.pk or 0),
            request_body.impatient(request, body_timeouts.within(MOST_SECONDS)),
        ):
            body = request_body.read(request, MOST_BYTES + 1)
    except request_body.EndUnknown:
        raise Refused(problems.LENGTH_REQUIRED) from None
    except UnreadablePostError:
        raise Refused(problems.BROKEN) from None
    try:
        told = json.loads(body) if len(body) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refused(BAD_BODY)
    return told


def _checksum(body: dict[str, Any]) -> str:
    try:
        return manifest.checksum(body.get("sha256"))
    except BadManifest as bad:
        raise Refused(Refusal(HTTPStatus.BAD_REQUEST, BAD_BODY.code, str(bad))) from None


def _number(told: object) -> int | None:
    """A size as a query or JSON tells it; None when it tells none."""
    words = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
    return int(words) if words.isascii() and words.isdigit() and len(words) <= protocol.MOST_DIGITS else None


def _place(upload: Upload) -> dict[str, str]:
    return {"location": upload.album.get_absolute_url(), "key": upload.key}


def _refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    let_go(request, refusal)
    response = JsonResponse({"error": refusal.code, "message": refusal.message}, status=refusal.status)
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
