"""Errors of signing in through the provider, and the page that shows them."""

import logging
from http import HTTPStatus
from typing import NamedTuple

import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

log = logging.getLogger(__name__)

FAILURES = (OAuth2Error, requests.RequestException)
"""What talking to the provider raises."""


class SignInProblem(NamedTuple):
    """An error for the user. `{name}` in `heading` and `message` is replaced by the provider's name."""

    code: str
    status: HTTPStatus
    heading: str
    message: str


CANCELLED = SignInProblem(
    "oidc-cancelled",
    HTTPStatus.OK,
    "Sign-in cancelled",
    "{name} denied access, or you cancelled. Nothing was changed.",
)
EXPIRED = SignInProblem(
    "oidc-expired",
    HTTPStatus.BAD_REQUEST,
    "This sign-in has expired",
    "It took over 10 minutes, started in another browser, or was used already. Sign in again.",
)
UNREACHABLE = SignInProblem(
    "oidc-unreachable",
    HTTPStatus.BAD_GATEWAY,
    "{name} isn't responding",
    "Try again in a minute. If it keeps happening, tell your administrator.",
)
REJECTED = SignInProblem(
    "oidc-refused",
    HTTPStatus.BAD_GATEWAY,
    "{name} rejected this server",
    "Tell your administrator: the client ID or secret may be wrong. See the server's log.",
)
CLOCK = SignInProblem(
    "oidc-clock",
    HTTPStatus.BAD_GATEWAY,
    "Server clocks differ",
    "The clocks of this server and {name} differ. Ask your administrator to correct them.",
)
UNTRUSTED = SignInProblem(
    "oidc-untrusted",
    HTTPStatus.BAD_GATEWAY,
    "Invalid response from {name}",
    "Try again. If it keeps happening, tell your administrator to check the server's log.",
)
UNKNOWN_USER = SignInProblem(
    "oidc-no-account",
    HTTPStatus.FORBIDDEN,
    "No account on this site",
    "You have no account on this site. Ask your administrator for one.",
)
NAME_TAKEN = SignInProblem(
    "oidc-name-taken",
    HTTPStatus.CONFLICT,
    "Account not connected",
    "An account with your name or e-mail address exists. If it is yours, sign in with its password and connect {name} under "
    "Account. Otherwise, ask your administrator.",
)


class ProviderError(OAuth2Error):  # type: ignore[misc]
    """Signing in through the provider failed. `trouble` is shown to the user, the message is logged."""

    def __init__(self, problem: SignInProblem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


def error_page(request: HttpRequest, exception: Exception | None, default: SignInProblem = REJECTED) -> HttpResponse:
    """Returns the error page, and logs the details, which may concern the server's configuration."""
    problem = _problem(exception, default)
    log.warning("Sign-in through %s failed with %s: %s", settings.OIDC_ISSUER, problem.code, exception or "no details")
    context = {
        "heading": problem.heading.format(name=settings.OIDC_NAME),
        "message": problem.message.format(name=settings.OIDC_NAME),
        "code": problem.code,
    }
    return render(request, "socialaccount/authentication_error.html", context, status=problem.status)


def _problem(exception: Exception | None, default: SignInProblem) -> SignInProblem:
    if isinstance(exception, ProviderError):
        return exception.problem
    return UNREACHABLE if isinstance(exception, requests.RequestException) else default
