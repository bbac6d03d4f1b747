"""The bucket connection saved on the storage page: one row, written only here, and cached briefly by each process."""

import logging
from dataclasses import replace

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils import timezone

from processing.lib.cached_value import CachedValue
from processing.models import BucketConnection
from processing.storage import encryption
from processing.storage.encryption import SecretUnreadable
from processing.storage.s3 import config as s3_config
from processing.storage.s3.config import Connection

log = logging.getLogger(__name__)

CACHE_SECONDS = 3.0
"""How long each process caches the connection, which is needed for every file."""
UNREADABLE = "unreadable"
"""Placeholder for a secret key that cannot be decrypted: the bucket rejects it with a clear error, and boto3 does not search for
other credentials."""


def connect() -> None:
    """Makes `s3.config` use the saved connection."""
    s3_config.register_source(saved)


def saved() -> Connection | None:
    """The saved connection; while the database is unavailable, the one read last."""
    try:
        return _cached_connection.get(CACHE_SECONDS)
    except DatabaseError:
        log.warning("Can't read the saved bucket settings; using the last known ones")
        return _cached_connection.last


def is_readable() -> bool:
    """False if the secret key was encrypted with another SECRET_KEY than the current one."""
    connection = saved()
    return connection is None or connection.secret_key != UNREADABLE


def save(connection: Connection, by: User) -> None:
    """Saves the connection. All processes store new files in the bucket within CACHE_SECONDS."""
    values = {
        "bucket": connection.bucket,
        "endpoint": connection.endpoint,
        "region": connection.region,
        "prefix": connection.prefix,
        "access_key": connection.access_key,
        "sealed_secret": encryption.seal(connection.secret_key),
        "addressing": connection.addressing,
        "browser_endpoint": connection.browser_endpoint,
        "saved_at": timezone.now(),
        "saved_by": by,
    }
    BucketConnection.objects.update_or_create(pk=BucketConnection.ONLY, defaults=values)
    clear_cache()


def remove() -> None:
    """Deletes the saved connection. New files are stored on the disk."""
    BucketConnection.objects.all().delete()
    clear_cache()


def clear_cache() -> None:
    """Clears this process's cache."""
    _cached_connection.clear()


def fenced(connection: Connection) -> Connection:
    """Returns the connection with access to the server's own network blocked, unless S3_ALLOW_INTERNAL permits it."""
    return replace(connection, is_fenced=not settings.S3_ALLOW_INTERNAL)


def _read() -> Connection | None:
    row = BucketConnection.objects.first()
    if row is None:
        return None
    try:
        secret = encryption.unseal(row.sealed_secret)
    except SecretUnreadable:
        secret = UNREADABLE
    return fenced(
        Connection(
            bucket=row.bucket,
            endpoint=row.endpoint,
            region=row.region,
            prefix=row.prefix,
            access_key=row.access_key,
            secret_key=secret,
            addressing=row.addressing,
            browser_endpoint=row.browser_endpoint,
        )
    )


_cached_connection = CachedValue(_read)
