"""Somebody who has given the password, and not yet the second factor: a password changed meanwhile ends that, too."""

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

KEY = "password_when_given"


def connect() -> None:
    authentication_step_completed.connect(_remember, dispatch_uid="half way")


def require_same_password(request: HttpRequest, user: User) -> None:
    """Raises ValidationError unless the password is the one that this session has given. Signed in, Django checks that itself."""
    if not constant_time_compare(request.session.get(KEY, ""), user.get_session_auth_hash()):
        raise ValidationError(
            "Your password was changed meanwhile. Cancel, and sign in again.", code="password_changed"
        )


def _remember(request: HttpRequest, user: User, method: str, **kwargs: Any) -> None:
    if method != "mfa":
        request.session[KEY] = user.get_session_auth_hash()
