"""Passkeys: the origin that they are bound to, and the forms for signed responses. allauth.mfa.webauthn does the rest."""

import ipaddress
import json
import struct
from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from fido2.utils import websafe_decode

from config.accounts.login import partial_login

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, AssertionError, struct.error)
"""Exceptions that parsing a malformed response raises. ValidationError is none of these."""


def origin(request: HttpRequest) -> str:
    """Returns the site's origin, as `https://photos.example.org`: that of PUBLIC_URL if it is set, else that of the request."""
    return _origin_of(settings.PUBLIC_URL or _request_origin(request))


def host(request: HttpRequest) -> str:
    """Returns the host of `origin`, without a port. It is the RP ID that browsers bind passkeys to."""
    return urlsplit(origin(request)).hostname or ""


def are_available(request: HttpRequest) -> bool:
    """True if this page can use passkeys. Browsers require https or localhost, and a host name instead of an IP address."""
    page_origin = _origin_of(_request_origin(request))
    name = host(request)
    return (
        page_origin == origin(request)
        and not _is_ip(name)
        and (page_origin.startswith("https:") or name == "localhost")
    )


class OriginCheckMixin:
    """Refuses responses of another origin (the library checks only the host), and malformed ones."""

    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        try:
            _require_origin(credential)
            check = getattr(super(), "clean_credential", None)
            return check() if check else credential
        except UNREADABLE as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AddForm(OriginCheckMixin, AddWebAuthnForm):  # type: ignore[misc]
    """Adds a passkey; with `passwordless`, one that needs no password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name"
        self.fields["name"].help_text = "The device it is on, such as “Phone”."
        self.fields["name"].max_length = 100
        self.fields["name"].widget.attrs["maxlength"] = "100"
        self.fields["passwordless"].label = "Use it to sign in without a password"
        self.fields["passwordless"].help_text = ""
        self.fields["passwordless"].initial = True

    def clean_name(self) -> str:
        return str(super().clean_name())[:100]

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except UNREADABLE as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return cleaned


class RenameForm(EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name"
        self.fields["name"].widget.attrs["maxlength"] = "100"

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"])[:100]


class SignInForm(OriginCheckMixin, LoginWebAuthnForm):  # type: ignore[misc]
    """Signs in without name and password."""


class SecondFactorForm(OriginCheckMixin, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """The second step of signing in, after the password."""

    def clean_credential(self) -> Any:
        partial_login.require_same_password(context.request, self.user)
        return super().clean_credential()


class ConfirmingForm(OriginCheckMixin, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Reauthentication before a sensitive change."""


class SignInView(LoginWebAuthnView):  # type: ignore[misc]
    """GET returns JSON with the challenge under `request_options`. POST signs in with the signed `credential`.

    Returns 404 if OIDC_ONLY disables passwords and passkeys.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.OIDC_ONLY:
            raise Http404
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Each GET writes a session.
        if not ratelimit.consume(request, app="allauth.mfa", action="webauthn_login", limit_get=True):
            response: HttpResponse = ratelimit.respond_429(request)
            return response
        return JsonResponse({"request_options": auth.begin_authentication(user=None)})


def _require_origin(credential: dict[str, Any]) -> None:
    """Raises ValidationError if the browser signed for a page of another origin, or in a frame of another site."""
    client_data = json.loads(websafe_decode(credential["response"]["clientDataJSON"]))
    if client_data["origin"] != origin(context.request) or client_data.get("crossOrigin"):
        raise ValidationError("This passkey was used at a different address.", code="other_origin")


def _request_origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _origin_of(url: str) -> str:
    """Returns the URL's origin as browsers write it: in lower case, without a default port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
