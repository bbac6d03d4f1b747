"""System checks for the OpenID Connect settings."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config.accounts.login import client_address

NOT_SAFE = Error(
    "OIDC_ISSUER is not an https address, so sign-ins could be intercepted.",
    hint="Use the provider's form, such as https://auth.example.org/realms/home. Only loopback may use http.",
    id="darkroom.E021",
)
NO_CLIENT = Error(
    "OIDC_ISSUER is set without OIDC_CLIENT_ID or OIDC_CLIENT_SECRET.",
    hint="Copy both from the provider's client settings for Darkroom.",
    id="darkroom.E022",
)
ONLY_WITHOUT_PROVIDER = Error(
    "OIDC_ONLY is on without OIDC_ISSUER, so sign-in is impossible.",
    hint="Set OIDC_ISSUER, or turn OIDC_ONLY off.",
    id="darkroom.E023",
)
TOO_LONG = Error("OIDC_ISSUER is longer than 200 characters.", id="darkroom.E024")
NO_NEW_USERS = Warning(
    "OIDC_ONLY is on and OIDC_CREATE_USERS is off, so only users already connected can sign in.",
    hint="Turn OIDC_CREATE_USERS on if all the provider's users may have an account.",
    id="darkroom.W021",
)


@register(Tags.security)
def provider(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    issuer = settings.OIDC_ISSUER
    problems = (
        (NOT_SAFE, bool(issuer) and not _is_safe(issuer)),
        (NO_CLIENT, bool(issuer) and not (settings.OIDC_CLIENT_ID and settings.OIDC_CLIENT_SECRET)),
        (ONLY_WITHOUT_PROVIDER, settings.OIDC_ONLY and not issuer),
        (TOO_LONG, len(issuer) > 200),
        (NO_NEW_USERS, settings.OIDC_ONLY and bool(issuer) and not settings.OIDC_CREATE_USERS),
    )
    return [message for message, applies in problems if applies]


def _is_safe(issuer: str) -> bool:
    parts = urlsplit(issuer)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and client_address.is_loopback(parts.hostname or ""))
    )
