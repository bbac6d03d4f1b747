"""Where the server itself is found."""

from django.conf import settings


def own() -> str:
    """PUBLIC_URL, or where the server listens. Never an address that somebody sent: whoever measures would fetch it."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104 - a name for them
    return f"http://{in_brackets(host)}:{settings.PORT}"


def in_brackets(host: str) -> str:
    """IPv6 addresses are written in brackets before a port."""
    return f"[{host}]" if ":" in host else str(host)
