"""Recognises browsers that a user has signed in with before, by a cookie (OWASP: "device cookie").

Each such browser has its own limit of sign-in attempts, so attempts from elsewhere or from the same network cannot lock it out.
"""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from config.accounts.login.usernames import normalised

SALT = "config.accounts.known_devices"
"""A former module name. It must not change, because existing cookies were signed with it."""
COOKIE_SECONDS = 180 * 24 * 3600


def device_id(request: HttpRequest, name: str) -> str:
    """Returns the device id if the user of this (normalised) name has signed in with this browser; else ""."""
    value = request.get_signed_cookie(_cookie_name(), default="", salt=SALT, max_age=COOKIE_SECONDS) or ""
    owner, _, device = value.partition(".")
    return device if owner == _hashed(name) else ""


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    name = normalised(user.get_username())
    device = device_id(request, name) or get_random_string(22)
    response.set_signed_cookie(
        _cookie_name(),
        f"{_hashed(name)}.{device}",
        salt=SALT,
        max_age=COOKIE_SECONDS,
        secure=settings.BEHIND_TLS,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name() -> str:
    """Returns the cookie's name. Browsers accept the `__Host-` prefix over https only, and only from this host."""
    return "__Host-known_device" if settings.BEHIND_TLS else "known_device"


def _hashed(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()
