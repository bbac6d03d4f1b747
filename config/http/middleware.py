"""Middleware that adds response headers beyond those of Django and django-csp."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from processing.storage.s3 import config as s3_config
from processing.uploads.tus import protocol

HEADERS = {
    # No page uses these features, so injected code must not either.
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Pages are private and must not stay on the disk of a shared computer. Views may override this.
    "Cache-Control": "no-store, private",
}


class BucketOriginMiddleware:
    """Allows the bucket's origin in the Content-Security-Policy, for images, videos and uploads.

    It runs inside django-csp's middleware, which adds the response's `_csp_update` to the policy.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if current := s3_config.current():
            from processing.storage.s3 import presign  # imports boto3, so only if there is a bucket

            origin = [presign.origin(current)]
            response._csp_update = dict.fromkeys(("img-src", "media-src", "connect-src"), origin)  # type: ignore[attr-defined]
        return response


class HeadersMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # In a 304 it would have to be the length of the 200 response (RFC 9110, 8.6), not Django's 0.
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.headers.pop("Content-Length", None)
        if "Tus-Resumable" in request.headers:  # tus clients expect it in error responses too
            response.headers.setdefault("Tus-Resumable", protocol.VERSION)
        return response
