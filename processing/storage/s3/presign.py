"""Presigned URLs: they give access to an object for a limited time, without credentials.

boto3 signs with the current second. URLs of renditions are signed with a rounded time instead, so that all processes produce the
same URL for hours, and browsers can cache it.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from processing.storage.s3 import s3_client
from processing.storage.s3.config import Connection


def link(
    connection: Connection,
    key: str,
    seconds: int,
    *,
    rounded: bool,
    response_headers: dict[str, str],
    method: str = "GET",
) -> str:
    """Returns a URL that is valid for at least `seconds`. `rounded`: it stays the same for `seconds`, and is valid for at most
    twice as long.

    `answer`: headers of the bucket's response (ResponseContentType, ResponseContentDisposition). `method`: GET or HEAD; a
    signature is valid for one of them.
    """
    now = time.time()
    signed_at, lifetime = (now // seconds * seconds, 2 * seconds) if rounded else (now, seconds)
    request = AWSRequest(method, _object_url(connection, key, tuple(response_headers.items())))
    credentials = s3_client.session(connection).get_credentials().get_frozen_credentials()
    _Signer(credentials, connection.region, lifetime, datetime.fromtimestamp(signed_at, UTC)).add_auth(request)
    return str(request.url)


@lru_cache(maxsize=8)
def origin(connection: Connection) -> str:
    """The origin of the URLs, for the Content-Security-Policy."""
    parts = urlsplit(_object_url(connection, "any", ()))
    return f"{parts.scheme}://{parts.netloc}"


def _object_url(connection: Connection, key: str, response_headers: tuple[tuple[str, str], ...]) -> str:
    params = {"Bucket": connection.bucket, "Key": connection.name(key), **dict(response_headers)}
    url: str = s3_client.for_browsers(connection, signs=False).generate_presigned_url("get_object", params)
    return url


class _Signer(S3SigV4QueryAuth):  # type: ignore[misc]
    def __init__(self, credentials: Any, region: str, lifetime: int, signed_at: datetime) -> None:
        super().__init__(credentials, "s3", region, expires=lifetime)
        self._signed_at = signed_at.strftime(SIGV4_TIMESTAMP)

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = self._signed_at
        super()._modify_request_before_signing(request)
