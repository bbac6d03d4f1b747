"""Records user activity, which extends sessions, and gives sessions new keys."""

import logging
from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.db import OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from config.accounts.sessions.store import ACTIVE_AT, SIGNED_IN_AT

log = logging.getLogger(__name__)

RECORD_INTERVAL_SECONDS = 600
"""Minimum of seconds between two records of activity, so that not every request writes."""
PRIVILEGES = "privileges"


REMEMBER_USER = "darkroom.remember_user"
"""Where config.server.gunicorn_worker has a function to call with the user's id. Other servers have none."""


class ActivityMiddleware:
    """Records the time of a user's activity, and gives the session a new key when the user's privileges have changed.

    Tells the web server which user the session belongs to, so that it can share its threads between users.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.session.session_key and SESSION_KEY in request.session and request.user.is_authenticated:
            if remember_user := request.META.get(REMEMBER_USER):
                remember_user(request.user.pk)
            if request.session.get(PRIVILEGES) != _privileges(request.user):
                request.session[PRIVILEGES] = _privileges(request.user)
                rotate(request)
            if is_activity(request):
                _record_activity(request)
        return self._get_response(request)


def is_activity(request: HttpRequest) -> bool:
    """True if a person caused the request, or if it is not a read.

    Automatic requests of a page do not count: htmx polls, images, and automatic reloads (browsers send whether a person caused a
    navigation). So a page that stays open all night does not extend its session.
    """
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return True
    # This runs before HtmxMiddleware, so `request.htmx` is not set yet.
    if "HX-Request" in request.headers or "text/html" not in request.headers.get("Accept", ""):
        return False
    return request.headers.get("Sec-Fetch-User") == "?1" or "Sec-Fetch-Mode" not in request.headers


def start(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Receives user_logged_in. Django has already given the session a new key."""
    now = timezone.now().timestamp()
    request.session[SIGNED_IN_AT] = request.session[ACTIVE_AT] = now
    request.session[PRIVILEGES] = _privileges(user)


def on_reauthenticated(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Receives authentication_step_completed: gives the session a new key after a confirmed password, which permits more."""
    if kwargs.get("reauthenticated"):
        rotate(request)


def rotate(request: HttpRequest) -> None:
    """Gives a signed-in session a new key, and updates the list of sessions."""
    old_key = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=old_key).update(session_key=request.session.session_key)


def _record_activity(request: HttpRequest) -> None:
    """Saves the session before the view runs, so that a session that ends meanwhile does not fail a complete upload."""
    now = timezone.now().timestamp()
    if now - request.session.get(ACTIVE_AT, 0) < min(RECORD_INTERVAL_SECONDS, settings.SESSION_IDLE_SECONDS / 10):
        return
    was_modified, recorded_at = request.session.modified, request.session.get(ACTIVE_AT)
    request.session[ACTIVE_AT] = now
    try:
        request.session.save()
    except OperationalError:  # the database is locked or full; the next request records the activity
        log.warning("Can't record the activity of a session", exc_info=True)
        request.session[ACTIVE_AT] = recorded_at
    except UpdateError:  # signed out in another tab, or by "Sign out other sessions"
        request.session.flush()
        request.user = AnonymousUser()
        return
    request.session.modified = was_modified


def _privileges(user: Any) -> str:
    return "".join(name for name, has in (("staff ", user.is_staff), ("superuser", user.is_superuser)) if has)
