"""What keeps a session alive, and when it gets another key."""

from collections.abc import Callable
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from config.accounts.sessions.store import ACTIVE_AT, SIGNED_IN_AT

AT_MOST_EVERY = 600
"""Seconds between two notes of activity: a page that is used costs no write each time."""
PRIVILEGES = "privileges"


class ActivityMiddleware:
    """Records the time of a user's activity, and gives the session a new key when its user got or lost privileges."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.session.session_key and SESSION_KEY in request.session and request.user.is_authenticated:
            if request.session.get(PRIVILEGES) != _privileges(request.user):
                request.session[PRIVILEGES] = _privileges(request.user)
                rotate(request)
            if is_activity(request):
                _note(request)
        return self._get_response(request)


def is_activity(request: HttpRequest) -> bool:
    """Did a person ask for this, or a program send something?

    What a page fetches by itself does not count: polls of htmx, pictures, and reloads without a script (a browser says whether a
    person caused a navigation). A page that is left open all night does not keep its session alive.
    """
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        return True
    if "HX-Request" in request.headers or "text/html" not in request.headers.get("Accept", ""):
        return False
    return request.headers.get("Sec-Fetch-User") == "?1" or "Sec-Fetch-Mode" not in request.headers


def begin(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Receives user_logged_in: Django has given the session a new key by then."""
    now = timezone.now().timestamp()
    request.session[SIGNED_IN_AT] = request.session[ACTIVE_AT] = now
    request.session[PRIVILEGES] = _privileges(user)


def confirmed(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Receives authentication_step_completed: who has just confirmed a password may do more than before."""
    if kwargs.get("reauthenticated"):
        rotate(request)


def rotate(request: HttpRequest) -> None:
    """A new key for the session of a user who is signed in. The list of sessions goes on to show it."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def _note(request: HttpRequest) -> None:
    """Saves the session before the view runs: one that ends meanwhile must not make the answer to a complete upload fail."""
    now = timezone.now().timestamp()
    if now - request.session.get(ACTIVE_AT, 0) < min(AT_MOST_EVERY, settings.SESSION_IDLE_SECONDS / 10):
        return
    was_modified = request.session.modified
    request.session[ACTIVE_AT] = now
    try:
        request.session.save()
    except UpdateError:  # signed out in another tab, or by "Sign out other sessions"
        request.session.flush()
        request.user = AnonymousUser()
        return
    request.session.modified = was_modified


def _privileges(user: Any) -> str:
    return "".join(name for name, has in (("staff ", user.is_staff), ("superuser", user.is_superuser)) if has)
