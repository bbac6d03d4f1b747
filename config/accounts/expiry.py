"""Deletes expired sessions and cache rows."""

from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.utils import timezone

from config import cache

BATCH_SIZE = 10_000
"""Maximum of rows of each kind per call: deleting blocks other writers on SQLite."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many rows of each kind were deleted."""

    sessions: int
    listed_sessions: int
    cached_values: int

    def __str__(self) -> str:
        return (
            f"expired sessions deleted: {self.sessions}, session list entries: {self.listed_sessions}, "
            f"expired cache values: {self.cached_values}"
        )


def clear() -> Cleared:
    """Deletes at most BATCH_SIZE rows of each kind. The next call deletes more."""
    return Cleared(
        sessions=_delete(Session, expire_date__lt=timezone.now()),
        listed_sessions=_delete(UserSession, ~Exists(Session.objects.filter(pk=OuterRef("session_key")))),
        cached_values=cache.clear_expired(BATCH_SIZE),
    )


def _delete(model: type[Session] | type[UserSession], *conditions: Any, **fields: object) -> int:
    keys = list(model._default_manager.filter(*conditions, **fields).values_list("pk", flat=True)[:BATCH_SIZE])
    return sum(
        model._default_manager.filter(pk__in=keys[start : start + 500]).delete()[0]
        for start in range(0, len(keys), 500)
    )
