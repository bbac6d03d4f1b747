"""The doctor's probe: reads and discards a body, and returns its size, its timing and what arrived of the request's headers.

A browser or the server itself requests it through the public address. It serves only a few requests at once, and limits their
size and duration, so that measurements do not slow down other requests.
"""

import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from processing.doctor import limits, probe_token, proxy_passthrough
from processing.doctor.http_probe import MARK
from processing.lib import csrf
from processing.uploads import problems
from processing.uploads.body import body_timeouts, request_body
from processing.uploads.problems import HttpProblem, Problem
from processing.uploads.tus.protocol import VERSION
from processing.views.access import may_change_any_album
from processing.views.problem_responses import problem_response

METHODS = {"HEAD", "POST", "PATCH", "DELETE"}
BUFFER_BYTES = 16 << 10
MAX_BODY_SECONDS = 60.0
"""Time limit for reading one body."""
STATUSES = set(proxy_passthrough.STATUSES)
NOT_FOUND = Problem(HTTPStatus.NOT_FOUND, "not-found", "This page doesn't exist.")
TOO_MANY_PROBES = Problem(HTTPStatus.TOO_MANY_REQUESTS, "measuring", "Other checks are running. Try again in a second.")
TOO_LARGE = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "probe-too-large", "The body is too large for a check.")

_turns = threading.BoundedSemaphore(max(1, min(4, settings.WEB_THREADS // 2)))


@dataclass(frozen=True, slots=True)
class BodyMeasurement:
    bytes: int
    seconds: float
    longest_gap: float
    """The longest time between two reads, in seconds: a pause of the client, or of a proxy that buffers the body."""


@csrf_exempt  # _check_sender checks it, but not for requests with a probe token
@login_not_required
def probe(request: HttpRequest) -> HttpResponse:
    """Measures one request.

    Query parameters: `answer`, the status of the response; `hold`, seconds to wait before the body is read; `late`, seconds to
    wait before the response is sent.
    """
    try:
        _check_sender(request)
        response = _measure(request)
    except HttpProblem as error:
        response = problem_response(request, error.problem)
    response[MARK] = request.method or ""
    response["Tus-Resumable"] = VERSION
    response["Upload-Offset"] = request.headers.get("Upload-Offset", "0")[:20]
    response["Cache-Control"] = "no-store"
    return response


def _check_sender(request: HttpRequest) -> None:
    if request.method not in METHODS:
        raise HttpProblem(problems.METHOD_NOT_ALLOWED)
    if probe_token.is_valid(request.headers.get(probe_token.HEADER, "")):
        return
    if not request.user.is_authenticated:
        raise HttpProblem(problems.SIGN_IN)
    if not may_change_any_album(request):
        raise HttpProblem(NOT_FOUND)
    if csrf.failure(request):
        raise HttpProblem(problems.CSRF_FAILED)


def _measure(request: HttpRequest) -> HttpResponse:
    if not _turns.acquire(blocking=False):
        raise HttpProblem(TOO_MANY_PROBES)
    try:
        if (request_body.length(request) or 0) > limits.MAX_BODY_BYTES:
            raise HttpProblem(TOO_LARGE)
        _wait(request, "hold")
        counted = _count(request)
        _wait(request, "late")
    finally:
        _turns.release()
    if request.method == "HEAD":
        return HttpResponse()
    return JsonResponse(_report(request, counted), status=_status(request))


def _count(request: HttpRequest) -> BodyMeasurement:
    """Counts the bytes of the body. On an error, a timeout or excess size, it stops reading and closes the connection."""
    started_at = last_read_at = time.monotonic()
    total, longest_gap, is_complete, buffer = 0, 0.0, False, memoryview(bytearray(BUFFER_BYTES))
    try:
        with request_body.idle_timeout(request, body_timeouts.for_small_body(MAX_BODY_SECONDS)):
            reader = request_body.open_reader(request)
            while not is_complete and total <= limits.MAX_BODY_BYTES:
                count = reader.readinto(buffer)
                now = time.monotonic()
                total, longest_gap = total + count, max(longest_gap, now - last_read_at)
                last_read_at, is_complete = now, not count
    except request_body.LengthUnknown:
        raise HttpProblem(problems.LENGTH_REQUIRED) from None
    except OSError:
        is_complete = False
    if not is_complete:
        request_body.close_read(request)
    return BodyMeasurement(total, last_read_at - started_at, longest_gap)


def _wait(request: HttpRequest, name: str) -> None:
    try:
        seconds = float(request.GET.get(name, "0"))
    except ValueError:
        return
    if seconds > 0:
        time.sleep(min(seconds, limits.wait_seconds()))


def _status(request: HttpRequest) -> int:
    value = request.GET.get("answer", "")
    return int(value) if value in {str(status) for status in STATUSES} else HTTPStatus.OK


def _report(request: HttpRequest, counted: BodyMeasurement) -> dict[str, Any]:
    return {
        "bytes": counted.bytes,
        "seconds": counted.seconds,
        "longest_gap": counted.longest_gap,
        "headers": {name: request.headers.get(name) for name in proxy_passthrough.TUS},
        "scheme": request.scheme,
        "host": request.get_host(),
        "is_trusted": not csrf.is_cross_origin(request),
        "now": time.time(),
    }
