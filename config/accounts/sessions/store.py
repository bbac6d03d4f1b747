"""Sessions in the database, each with the time at which it ends.

A session that is signed in ends SESSION_IDLE_SECONDS after its user last did something, and SESSION_MAX_SECONDS after signing in
at the latest. The row says when, and one that ended is not found any more: nothing has to compare times on each request.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

SIGNED_IN_AT, ACTIVE_AT = "signed_in_at", "active_at"
"""Keys of a session: seconds since 1970."""
ANONYMOUS_SECONDS = 3600
"""Without a user a session holds the steps of signing in or of a new password, nothing that has to last."""


class SessionStore(db.SessionStore):
    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        session = super().create_model_instance(data)
        session.expire_date = min(session.expire_date, _end(data))
        return session


def _end(data: dict[str, Any]) -> datetime:
    now = timezone.now().timestamp()
    if SESSION_KEY not in data:
        return _at(now + ANONYMOUS_SECONDS)
    active_at, signed_in_at = data.get(ACTIVE_AT, now), data.get(SIGNED_IN_AT, now)
    return _at(min(active_at + settings.SESSION_IDLE_SECONDS, signed_in_at + settings.SESSION_MAX_SECONDS))


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
