"""Where else than here a browser may go for us: to the bucket, for pictures that are shown and files that are sent."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from processing.storage.s3 import config as s3_config


class BucketOriginMiddleware:
    """Inside django-csp's own, which adds to its policy what an answer carries."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if current := s3_config.current():
            from processing.storage.s3 import presign  # and with it boto3, only where there is a bucket

            origin = [presign.origin(current)]
            response._csp_update = {"img-src": origin, "connect-src": origin}  # type: ignore[attr-defined]
        return response
