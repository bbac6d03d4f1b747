"""Presigned addresses: whoever has one may get the object, for so long, without a key of his own.

boto3 signs with the second at which it is asked. A rendition's link is signed with a rounded time instead, so that it is the same
for hours, in every process, and the browser's cache knows it.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from processing.storage.s3 import client
from processing.storage.s3.config import Connection


def link(
    connection: Connection, key: str, seconds: int, *, rounded: bool, answer: dict[str, str], method: str = "GET"
) -> str:
    """Good for `seconds` at least; rounded: for twice as many at most, and the same for so long.

    `answer`: what the bucket shall say with it (ResponseContentType, ResponseContentDisposition). `method`: GET or HEAD; the
    signature is of one of them.
    """
    now = time.time()
    begin, lasting = (now // seconds * seconds, 2 * seconds) if rounded else (now, seconds)
    request = AWSRequest(method, _address(connection, key, tuple(answer.items())))
    credentials = client.session(connection).get_credentials().get_frozen_credentials()
    _Signer(credentials, connection.region, lasting, datetime.fromtimestamp(begin, UTC)).add_auth(request)
    return str(request.url)


@lru_cache(maxsize=8)
def origin(connection: Connection) -> str:
    """What a browser has to be allowed to get links from."""
    parts = urlsplit(_address(connection, "any", ()))
    return f"{parts.scheme}://{parts.netloc}"


def _address(connection: Connection, key: str, answer: tuple[tuple[str, str], ...]) -> str:
    params = {"Bucket": connection.bucket, "Key": connection.name(key), **dict(answer)}
    address: str = _unsigned(connection).generate_presigned_url("get_object", params)
    return address


@lru_cache(maxsize=8)
def _unsigned(connection: Connection) -> Any:
    """Knows how the address of an object is written."""
    config = client.configuration(connection).merge(Config(signature_version=UNSIGNED))
    endpoint = connection.browser_endpoint or connection.endpoint or None
    return client.session(connection).client("s3", endpoint_url=endpoint, config=config)


class _Signer(S3SigV4QueryAuth):  # type: ignore[misc]
    def __init__(self, credentials: Any, region: str, seconds: int, begin: datetime) -> None:
        super().__init__(credentials, "s3", region, expires=seconds)
        self._begin = begin.strftime(SIGV4_TIMESTAMP)

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = self._begin
        super()._modify_request_before_signing(request)
