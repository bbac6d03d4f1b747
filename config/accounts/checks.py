"""System checks for the OpenID Connect settings."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from config.accounts.login import client_address

NOT_SAFE = Error(
    "OIDC_ISSUER is no https address: whoever is on the way could sign in as anybody.",
    hint="Write it as the provider does, as https://auth.example.org/realms/home. Only loopback goes without https.",
    id="darkroom.E021",
)
NO_CLIENT = Error(
    "OIDC_ISSUER is set, but OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is not.",
    hint="The provider shows both where Darkroom is registered as a client.",
    id="darkroom.E022",
)
ONLY_NOTHING = Error(
    "OIDC_ONLY is on without OIDC_ISSUER: nobody could sign in.",
    hint="Name the provider, or switch OIDC_ONLY off.",
    id="darkroom.E023",
)
TOO_LONG = Error("OIDC_ISSUER is longer than 200 characters.", id="darkroom.E024")
NOBODY_NEW = Warning(
    "OIDC_ONLY is on and OIDC_CREATE_USERS is off: only who has connected the provider already can sign in.",
    hint="Switch OIDC_CREATE_USERS on, if all users of the provider may have an account.",
    id="darkroom.W021",
)


@register(Tags.security)
def provider(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    issuer = settings.OIDC_ISSUER
    problems = (
        (NOT_SAFE, bool(issuer) and not _is_safe(issuer)),
        (NO_CLIENT, bool(issuer) and not (settings.OIDC_CLIENT_ID and settings.OIDC_CLIENT_SECRET)),
        (ONLY_NOTHING, settings.OIDC_ONLY and not issuer),
        (TOO_LONG, len(issuer) > 200),
        (NOBODY_NEW, settings.OIDC_ONLY and bool(issuer) and not settings.OIDC_CREATE_USERS),
    )
    return [message for message, applies in problems if applies]


def _is_safe(issuer: str) -> bool:
    parts = urlsplit(issuer)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and client_address.is_loopback(parts.hostname or ""))
    )
