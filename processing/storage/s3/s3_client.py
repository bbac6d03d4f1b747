"""Configured boto3 clients: one for each connection and process, shared by all threads."""

from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from processing.storage.s3 import ssrf
from processing.storage.s3.config import Connection

CONNECT_SECONDS, READ_SECONDS, MAX_ATTEMPTS = 5, 30, 3
IMPATIENT_SECONDS = 3
"""Timeout of the reachability check, which page requests wait for."""

_creation_lock = Lock()


def client(connection: Connection) -> Any:
    """A client for transfers, with long timeouts and retries."""
    with _creation_lock:  # creating a boto3 client is not thread-safe
        return _client(replace(connection, prefix=""), CONNECT_SECONDS, READ_SECONDS, MAX_ATTEMPTS)


def impatient_client(connection: Connection) -> Any:
    """A client for checks, with short timeouts and no retry."""
    with _creation_lock:
        return _client(replace(connection, prefix=""), IMPATIENT_SECONDS, IMPATIENT_SECONDS, 1)


def for_browsers(connection: Connection, *, signs: bool) -> Any:
    """A client that builds URLs for the endpoint that browsers use, and `signs` them or not. It sends no requests."""
    with _creation_lock:
        return _for_browsers(replace(connection, prefix=""), signs)


def session(connection: Connection) -> Any:
    return _session(replace(connection, prefix=""))


@lru_cache(maxsize=8)
def _session(connection: Connection) -> Any:
    return boto3.session.Session(
        aws_access_key_id=connection.access_key or None,
        aws_secret_access_key=connection.secret_key or None,
        aws_session_token=connection.session_token or None,
        region_name=connection.region,
    )


def configuration(connection: Connection, **options: Any) -> Config:
    return Config(
        signature_version="s3v4",  # without it, URLs are signed with the obsolete version 2
        # Not every S3 server supports AWS's newer checksums. Darkroom sends Content-MD5, and its own SHA-256 as metadata.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": connection.style},
        **options,
    )


@lru_cache(maxsize=16)
def _for_browsers(connection: Connection, signs: bool) -> Any:
    config = configuration(connection)
    if not signs:
        config = config.merge(Config(signature_version=UNSIGNED))
    endpoint = connection.browser_endpoint or connection.endpoint or None
    return session(connection).client("s3", endpoint_url=endpoint, config=config)


@lru_cache(maxsize=16)
def _client(connection: Connection, connect_timeout: int, read_timeout: int, max_attempts: int) -> Any:
    config = configuration(
        connection,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
        max_pool_connections=32,
        tcp_keepalive=True,
        proxies=ssrf.NO_PROXIES if connection.is_fenced else None,
    )
    s3_client = session(connection).client("s3", endpoint_url=connection.endpoint or None, config=config)
    if connection.is_fenced:
        # botocore has no public API for this; a test checks that it works.
        ssrf.fence_session(s3_client._endpoint.http_session)
    return s3_client
