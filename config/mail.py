"""Django's settings for mail, from one address of a server."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""With STARTTLS, with TLS from the first byte, and without (for a relay on the same machine)."""


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
    """The server at this address, as smtp://user:password@mail.example.org:587; for an empty one, nothing is sent."""
    if not url:
        return Server("django.core.mail.backends.dummy.EmailBackend")
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL must be like smtp://user:password@mail.example.org:587, or smtps:// for port 465."
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
