"""The lines that the web server prints when it is ready: its address, the first-user link, and warnings."""

from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError

from config.accounts import first_user
from config.accounts.login import client_address
from processing.doctor import site_url

NOT_ENCRYPTED = (
    "Warning: HOST is {host}, so other machines can reach this server, but traffic isn't encrypted. "
    "Put a TLS proxy in front, and set PUBLIC_URL or BEHIND_TLS. See docs/configuration.md."
)


def messages() -> Iterator[str]:
    yield f"Darkroom is running at {site_url.own()}/"
    if link := _link():
        yield f"Create the administrator account (the link works once): {site_url.own()}{link}"
    if not client_address.is_loopback(settings.HOST) and not settings.BEHIND_TLS:
        yield NOT_ENCRYPTED.format(host=settings.HOST)


def _link() -> str | None:
    try:
        return first_user.link()
    except DatabaseError:  # not migrated yet, or unreachable: reported elsewhere
        return None
