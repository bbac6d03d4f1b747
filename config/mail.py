"""Parses EMAIL_URL into Django's mail settings."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""Default ports for STARTTLS, implicit TLS, and no TLS (for a relay on the same machine)."""


@dataclass(frozen=True, slots=True)
class Server:
    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


def server(url: str) -> Server:
    """Returns the server of a URL such as smtp://user:password@mail.example.org:587. With an empty URL no mail is sent."""
    if not url:
        return Server("django.core.mail.backends.dummy.EmailBackend")
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL must have the form smtp://user:password@mail.example.org:587, or smtps:// for port 465."
        )
    return Server(
        backend="django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=parts.port or SCHEMES[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp",
        tls=parts.scheme == "smtps",
    )
