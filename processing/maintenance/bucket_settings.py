"""The bucket as it was set up on the storage page: one row, written here alone, and remembered for a moment by each process."""

import logging
import time
from dataclasses import replace

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils import timezone

from processing.models import BucketConnection
from processing.storage import encryption
from processing.storage.encryption import Unreadable
from processing.storage.s3 import config as s3_config
from processing.storage.s3.config import Connection

log = logging.getLogger(__name__)

REMEMBERED_SECONDS = 3.0
"""Asked for every file; so long each process believes what it read last."""
UNREADABLE = "unreadable"
"""Stands for a secret key that cannot be read: the bucket refuses it, in words, and nothing looks for other keys instead."""

_remembered: tuple[float, Connection | None] | None = None


def connect() -> None:
    s3_config.saved = saved


def saved() -> Connection | None:
    """While the database is away, what was known last."""
    global _remembered
    if _remembered is None or time.monotonic() - _remembered[0] > REMEMBERED_SECONDS:
        try:
            _remembered = time.monotonic(), _read()
        except DatabaseError:
            log.warning("The saved connection to the bucket could not be read; going by what was known last")
            return _remembered[1] if _remembered else None
    return _remembered[1]


def is_readable() -> bool:
    """False when the secret key was sealed with another SECRET_KEY than the one that is set now."""
    found = saved()
    return found is None or found.secret_key != UNREADABLE


def save(wanted: Connection, by: User) -> None:
    """New files go there within seconds, from every process."""
    values = {
        "bucket": wanted.bucket,
        "endpoint": wanted.endpoint,
        "region": wanted.region,
        "prefix": wanted.prefix,
        "access_key": wanted.access_key,
        "sealed_secret": encryption.seal(wanted.secret_key),
        "addressing": wanted.addressing,
        "browser_endpoint": wanted.browser_endpoint,
        "saved_at": timezone.now(),
        "saved_by": by,
    }
    BucketConnection.objects.update_or_create(pk=BucketConnection.ONLY, defaults=values)
    forget()


def remove() -> None:
    """New files go to the disk from now on."""
    BucketConnection.objects.all().delete()
    forget()


def forget() -> None:
    """Look anew: it has just changed."""
    global _remembered
    _remembered = None


def fenced(wanted: Connection) -> Connection:
    """As one that a person typed: kept out of the server's own network, unless a setting lets it in."""
    return replace(wanted, is_fenced=not settings.S3_ALLOW_INTERNAL)


def _read() -> Connection | None:
    row = BucketConnection.objects.first()
    if row is None:
        return None
    try:
        secret = encryption.unseal(row.sealed_secret)
    except Unreadable:
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
