"""Database sessions with the session timeouts.

A signed-in session ends SESSION_IDLE_SECONDS after the user's last activity, and at the latest SESSION_MAX_SECONDS after sign-in.
The row's expire_date contains that time, so Django does not load expired sessions and no request has to compare times.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import OperationalError
from django.utils import timezone

SIGNED_IN_AT, ACTIVE_AT = "signed_in_at", "active_at"
"""Keys of a session: seconds since 1970."""
ANONYMOUS_SECONDS = 3600
"""Lifetime of sessions without a user, which hold only the steps of a sign-in or a password reset."""


class SessionStore(db.SessionStore):
    def save(self, must_create: bool = False) -> None:
        """Raises OperationalError if the database is locked, unreachable or full.

        Django turns that into UpdateError, as if the session had been deleted: the user would be signed out.
        """
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        session = super().create_model_instance(data)
        session.expire_date = min(session.expire_date, _expire_date(data))
        return session


def _expire_date(data: dict[str, Any]) -> datetime:
    now = timezone.now().timestamp()
    if SESSION_KEY not in data:
        return _as_datetime(now + ANONYMOUS_SECONDS)
    active_at, signed_in_at = data.get(ACTIVE_AT, now), data.get(SIGNED_IN_AT, now)
    return _as_datetime(min(active_at + settings.SESSION_IDLE_SECONDS, signed_in_at + settings.SESSION_MAX_SECONDS))


def _as_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
