"""What the web server says on its console when it answers: its address, the way in, and what is amiss with it."""

import ipaddress
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError

from config import first_user

NOT_ENCRYPTED = (
    "Warning: HOST is {host}, so other machines can reach this server, and nothing encrypts what they send. "
    "Put a proxy that speaks TLS in front, and set PUBLIC_URL or BEHIND_TLS. See docs/configuration.md."
)


def lines() -> Iterator[str]:
    yield f"Darkroom answers at {address()}/"
    if link := _link():
        yield f"There is no user yet. Create the first here (the link works once): {address()}{link}"
    if not is_loopback(settings.HOST) and not settings.BEHIND_TLS:
        yield NOT_ENCRYPTED.format(host=settings.HOST)


def address() -> str:
    """Where a person on this machine, or behind the proxy, finds the server."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104 - a name for them
    return f"http://{in_brackets(host)}:{settings.PORT}"


def in_brackets(host: str) -> str:
    """IPv6 addresses are written in brackets before a port."""
    return f"[{host}]" if ":" in host else str(host)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _link() -> str | None:
    try:
        return first_user.link()
    except DatabaseError:  # not migrated yet, or away: that is for others to tell
        return None
