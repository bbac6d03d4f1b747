"""Lists and ends the sessions of a user.

allauth reads every session of a user at sign-in, and ends them one by one. A program that signs in for each of its runs has
hundreds of sessions; here the number of queries does not depend on their number.
"""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.accounts import security_log
from config.accounts.security_log import Event


def live_sessions(user: Any) -> "QuerySet[Any]":
    """Returns the user's live sessions, the latest first."""
    live_rows = Session.objects.filter(pk=OuterRef("session_key"), expire_date__gt=timezone.now())
    sessions: QuerySet[Any] = UserSession.objects.filter(Exists(live_rows), user=user)
    return sessions.order_by("-created_at")


def end_others(request: HttpRequest) -> None:
    count = _end(UserSession.objects.filter(user=request.user).exclude(session_key=request.session.session_key))
    if count:
        security_log.record(Event.SESSIONS_ENDED, request, count=count)


def add(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    UserSession.objects.create_from_request(request)


def end_others_after_password_change(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Ends the user's other sessions. The new password invalidates them, but the list would still show them."""
    add(sender, request)
    end_others(request)


def end_all(sender: Any, user: Any, **kwargs: Any) -> None:
    _end(UserSession.objects.filter(user=user))


def _end(sessions: "QuerySet[Any]") -> int:
    """Deletes the sessions, and returns their number."""
    keys = list(sessions.values_list("session_key", flat=True))
    Session.objects.filter(pk__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)
