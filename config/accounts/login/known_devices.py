"""Browsers in which somebody signed in before, known by a cookie ("device cookie" in OWASP's words).

Such a browser has a limit of its own for guesses: whoever guesses elsewhere, or from the same network, cannot lock it out.
"""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from config.accounts.login.usernames import normalised

SALT = "config.accounts.known_devices"
"""No module's name any more: cookies that are in use were signed with it."""
SECONDS = 180 * 24 * 3600


def of(request: HttpRequest, name: str) -> str:
    """The device's own id, where a user of this (normalised) name signed in with this browser; else empty."""
    told = request.get_signed_cookie(_cookie(), default="", salt=SALT, max_age=SECONDS) or ""
    owner, _, device = told.partition(".")
    return device if owner == _hashed(name) else ""


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    name = normalised(user.get_username())
    device = of(request, name) or get_random_string(22)
    response.set_signed_cookie(
        _cookie(),
        f"{_hashed(name)}.{device}",
        salt=SALT,
        max_age=SECONDS,
        secure=settings.BEHIND_TLS,
        httponly=True,
        samesite="Lax",
    )


def _cookie() -> str:
    """A browser takes a cookie of the first name over https only, and from nobody but this very host."""
    return "__Host-known_device" if settings.BEHIND_TLS else "known_device"


def _hashed(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()
