"""POST /albums/<id>/uploads/manifest/: declares a batch before its files are sent, or only compares it. JSON in, JSON out."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from albums.access import AlbumInTrash, album_or_404
from albums.models import Album, Operation
from albums.problem_json import problem
from processing.capacity import admission, daily_limit
from processing.capacity.admission import CapacityProblem
from processing.doctor import measurements
from processing.models import Upload
from processing.uploads import batches, copies, lifecycle, manifest, preflight, problems
from processing.uploads.batches import AlbumBusy
from processing.uploads.body import body_timeouts, request_body, upload_slots
from processing.uploads.direct import multipart
from processing.uploads.duplicate_index import Asking, FilePlan, PreflightResult
from processing.uploads.manifest import BadManifest, Choice, Manifest
from processing.uploads.preflight import Declaration
from processing.uploads.problems import HttpProblem, Problem
from processing.views import s3_companion
from processing.views.problem_responses import album_busy, album_in_trash, batch_json, busy, problem_response

MAX_BODY_SECONDS = 30.0
"""Time limit for the whole list. A list of 500 photos is as large as a thumbnail."""
ROW_BYTES = 2000
"""An estimate of the most that a file's row takes in the database."""
TOO_LONG = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The list of files is too long.")


@require_POST
@never_cache
def declare(request: HttpRequest, pk: int) -> JsonResponse:
    """Opens or continues a batch, or only compares the files. Returns 409 if another user's batch is active in the album."""
    assert isinstance(request.user, User)
    try:
        album = album_or_404(request, pk)
        payload = manifest.read(_body(request))
        files, skipped = payload.files, payload.skipped
        declaration = preflight.compare(album, request.user, files, Asking(payload.asks))
        if not payload.opens:
            return _declaration_response(request, album, declaration)
        if shortage := _shortage(request.user, declaration, payload):
            return busy(problem(shortage.status, shortage.code, shortage.upload_message), "shortage")
        batch = declaration.batch
        more_rows = len(skipped) + sum(file.choice != Choice.UNDECIDED for file in files)
        if batch and more_rows and lifecycle.count(batch.pk)[1] + more_rows > lifecycle.MAX_ROWS_PER_INSERT:
            raise HttpProblem(problems.TOO_MANY_ROWS)
        copying = copies.start(album, request.user, files) if payload.asks else None
        asking = Asking(payload.asks, is_copying=copies.is_open(copying))
        declaration = preflight.declare(album, request.user, files, skipped, asking)
        return _declaration_response(request, album, declaration, copying)
    except AlbumBusy as error:
        return album_busy(request, error.batch)
    except (AlbumInTrash, Album.DoesNotExist):
        return album_in_trash(request, pk)
    except HttpProblem as error:
        response = problem_response(request, error.problem)
        return busy(response, "no-slot") if error.problem in upload_slots.PROBLEMS else response
    except request_body.LengthUnknown:
        return problem_response(request, problems.LENGTH_REQUIRED)
    except UnreadablePostError:
        request_body.close_read(request)
        return problem(HTTPStatus.BAD_REQUEST, "bad-manifest", "The list of files is incomplete. Send it again.")
    except BadManifest as error:
        request_body.drain(request)
        return problem(HTTPStatus.BAD_REQUEST, "bad-manifest", str(error))


def _body(request: HttpRequest) -> bytes:
    if request.content_type != "application/json":
        raise BadManifest("Send the list as application/json.")
    if (request_body.length(request) or 0) > manifest.MAX_BYTES:
        raise HttpProblem(TOO_LONG)
    with (
        upload_slots.acquire(request.user.pk or 0),
        request_body.idle_timeout(request, body_timeouts.for_small_body(MAX_BODY_SECONDS)),
    ):
        body = request_body.read(request, manifest.MAX_BYTES + 1)
    if len(body) > manifest.MAX_BYTES:
        raise HttpProblem(TOO_LONG)
    return body


def _shortage(user: User, declaration: Declaration, payload: Manifest) -> CapacityProblem | None:
    """Returns why the batch may not be opened, or why no skipped files may be added to the running one.

    Continuing a running batch is not limited otherwise.
    """
    if declaration.batch is None:
        daily_shortage = daily_limit.shortage(user.pk, len(payload.files) + len(payload.skipped))
        return daily_shortage or admission.for_new_file(declaration.bytes_expected(payload.files), 0, user.pk)
    return admission.for_intake(len(payload.skipped) * ROW_BYTES) if payload.skipped else None


def _declaration_response(
    request: HttpRequest, album: Album, declaration: Declaration, copying: Operation | None = None
) -> JsonResponse:
    batch, endpoint = declaration.batch, s3_companion.endpoint(request, album)
    uploads = [plan.upload for plan in declaration.plans if plan.upload]
    return JsonResponse(
        {
            "batch": batch_json(request, batch) if batch else None,
            "busy": batch is not None and batches.running_in(batch.album) is not None,
            "chunk_bytes": measurements.chunk_bytes(),
            "direct": endpoint,
            "expires_at": min((upload.expires_at for upload in uploads), default=None),
            "operation": copying.get_absolute_url() if copying else None,
            "copying": copying is not None and copying.state == Operation.State.RUNNING,
            "files": [_file(plan, endpoint) for plan in declaration.plans],
        }
    )


def _file(plan: FilePlan, endpoint: str | None) -> dict[str, Any]:
    """URLs are relative, so that uploads go through the same proxy as the page."""
    upload, photo, reason = plan.upload, plan.photo, plan.reason
    message = reason.message if reason else ""
    if plan.result == PreflightResult.ELSEWHERE and photo:
        message = f"Also in your album “{photo.album}”."
    return {
        "state": plan.result,
        "upload": reverse("processing:upload", args=[upload.pk]) if upload else None,
        "parts": f"{endpoint}/s3/multipart/{upload.pk}"
        if endpoint and upload and _goes_in_parts(plan, upload)
        else None,
        "part_bytes": multipart.part_bytes(upload.size) if upload else None,
        "offset": plan.offset,
        "code": reason.code if reason else "",
        "message": message,
        "photo": photo.get_absolute_url() if photo else None,
        "album": photo.album.title if photo and plan.result == PreflightResult.ELSEWHERE else None,
        "held": plan.is_held,
    }


def _goes_in_parts(plan: FilePlan, upload: Upload) -> bool:
    """True if the file goes straight to the bucket. An upload that began through the server continues there."""
    return multipart.is_direct(upload) and (not plan.offset or bool(upload.multipart_id))
