"""boto3, as we want it: one client for each connection and process, shared by all its threads."""

from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config

from processing.storage.s3 import ssrf
from processing.storage.s3.config import Connection

CONNECT_SECONDS, READ_SECONDS, TRIES = 5, 30, 3
HURRIED_SECONDS = 3
"""A look whether the bucket is there at all: whoever asks has no time."""

_making = Lock()


def client(connection: Connection) -> Any:
    """For work: patient, and tries again by itself."""
    with _making:  # boto3 makes clients in one thread at a time only
        return _client(replace(connection, prefix=""), CONNECT_SECONDS, READ_SECONDS, TRIES)


def hurried(connection: Connection) -> Any:
    with _making:
        return _client(replace(connection, prefix=""), HURRIED_SECONDS, HURRIED_SECONDS, 1)


@lru_cache(maxsize=8)
def session(connection: Connection) -> Any:
    return boto3.session.Session(
        aws_access_key_id=connection.access_key or None,
        aws_secret_access_key=connection.secret_key or None,
        aws_session_token=connection.session_token or None,
        region_name=connection.region,
    )


def configuration(connection: Connection, **more: Any) -> Config:
    return Config(
        signature_version="s3v4",  # without it, links come out signed as nobody does any more
        # Not everybody who speaks S3 knows AWS's newer checksums. Ours are Content-MD5 and a SHA-256 of our own.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": connection.style},
        **more,
    )


@lru_cache(maxsize=16)
def _client(connection: Connection, connect: int, read: int, tries: int) -> Any:
    config = configuration(
        connection,
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=32,
        tcp_keepalive=True,
        proxies=ssrf.NO_PROXIES if connection.is_fenced else None,
    )
    made = session(connection).client("s3", endpoint_url=connection.endpoint or None, config=config)
    if connection.is_fenced:
        ssrf.fence_session(made._endpoint.http_session)  # botocore has no door for that; a test sees that it holds
    return made
