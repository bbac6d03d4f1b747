"""Passkeys: which address they belong to, and the forms that take what the browser signed. allauth.mfa.webauthn does the rest."""

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
"""What reading a response raises that no browser made. ValidationError is none of these."""


def origin(request: HttpRequest) -> str:
    """Where pages are opened, as `https://photos.example.org`: PUBLIC_URL, or where there is none the request's own."""
    return _plain(settings.PUBLIC_URL or _own(request))


def host(request: HttpRequest) -> str:
    """The host of `origin`, without a port: the RP ID, to which browsers bind a passkey."""
    return urlsplit(origin(request)).hostname or ""


def work_here(request: HttpRequest) -> bool:
    """Can this page use passkeys? Browsers want https or localhost, and a name instead of an IP address."""
    here = _plain(_own(request))
    name = host(request)
    return here == origin(request) and not _is_ip(name) and (here.startswith("https:") or name == "localhost")


class Checked:
    """Refuses what was signed on another origin (the library asks for the host alone), and what nobody can read."""

    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Any:
        credential = self.cleaned_data["credential"]
        try:
            _require_origin(credential)
            check = getattr(super(), "clean_credential", None)
            return check() if check else credential
        except UNREADABLE as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AddForm(Checked, AddWebAuthnForm):  # type: ignore[misc]
    """Adds a passkey; with `passwordless`, one that signs in alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = "Name"
        self.fields["name"].help_text = "What it is on, as “Phone” or “Blue key”."
        self.fields["name"].max_length = 100
        self.fields["name"].widget.attrs["maxlength"] = "100"
        self.fields["passwordless"].label = "Sign in with it alone, without a password"
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


class SignInForm(Checked, LoginWebAuthnForm):  # type: ignore[misc]
    """Instead of name and password."""


class SecondFactorForm(Checked, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """After the password."""

    def clean_credential(self) -> Any:
        partial_login.require_same_password(context.request, self.user)
        return super().clean_credential()


class ConfirmingForm(Checked, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Before a change that matters."""


class SignInView(LoginWebAuthnView):  # type: ignore[misc]
    """GET: JSON, what the browser is to sign, under `request_options`. POST: `credential`, what it signed; signs in.

    404 where passwords are switched off, and passkeys with them.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.OIDC_ONLY:
            raise Http404
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Each writes a session.
        if not ratelimit.consume(request, app="allauth.mfa", action="webauthn_login", limit_get=True):
            refused: HttpResponse = ratelimit.respond_429(request)
            return refused
        return JsonResponse({"request_options": auth.begin_authentication(user=None)})


def _require_origin(credential: dict[str, Any]) -> None:
    """Raises ValidationError where the browser signed this for a page of another origin, or in a frame of another site."""
    signed = json.loads(websafe_decode(credential["response"]["clientDataJSON"]))
    if signed["origin"] != origin(context.request) or signed.get("crossOrigin"):
        raise ValidationError("This passkey was used at another address than this site's.", code="other_origin")


def _own(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _plain(url: str) -> str:
    """The origin of this URL as browsers write it: in lower case, without a port that goes without saying."""
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
