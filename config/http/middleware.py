"""What every answer tells the browser, besides what Django and django-csp say already."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from processing.storage.s3 import config as s3_config
from processing.uploads.tus import protocol

ANSWERS = {
    # Nothing here needs them, so nothing that slipped in may ask for them.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Pages are private: not kept on the disk of a shared computer. A view that knows better says so itself.
    "Cache-Control": "no-store, private",
}


class BucketOriginMiddleware:
    """Tells a browser that it may go to the bucket, for pictures that are shown and files that are sent.

    Inside django-csp's own, which adds to its policy what an answer carries.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if current := s3_config.current():
            from processing.storage.s3 import presign  # and with it boto3, only where there is a bucket

            origin = [presign.origin(current)]
            response._csp_update = {"img-src": origin, "connect-src": origin}  # type: ignore[attr-defined]
        return response


class HeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        for name, value in ANSWERS.items():
            response.headers.setdefault(name, value)
        # Of a 304 it would be the length of the 200 (RFC 9110, 8.6), not Django's 0.
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.headers.pop("Content-Length", None)
        if "Tus-Resumable" in request.headers:  # its client expects it of whatever went wrong, too
            response.headers.setdefault("Tus-Resumable", protocol.VERSION)
        return response
