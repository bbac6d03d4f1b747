"""Ends sign-ins between password and second factor when the password is changed meanwhile."""

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

AUTH_HASH_KEY = "password_when_given"


def connect() -> None:
    authentication_step_completed.connect(_remember, dispatch_uid="half way")


def require_same_password(request: HttpRequest, user: User) -> None:
    """Raises ValidationError if the password has changed since this session passed that step.

    For sessions that are signed in, Django checks this.
    """
    if not constant_time_compare(request.session.get(AUTH_HASH_KEY, ""), user.get_session_auth_hash()):
        raise ValidationError("Your password has changed. Cancel and sign in again.", code="password_changed")


def _remember(request: HttpRequest, user: User, method: str, **kwargs: Any) -> None:
    if method != "mfa":
        request.session[AUTH_HASH_KEY] = user.get_session_auth_hash()
