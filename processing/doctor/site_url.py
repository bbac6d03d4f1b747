"""The URL at which the server reaches itself."""

from django.conf import settings


def own() -> str:
    """Returns PUBLIC_URL, or the address that the server listens on.

    Never an address from a request: the doctor sends requests to it (SSRF).
    """
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104 - a name for them
    return f"http://{in_brackets(host)}:{settings.PORT}"


def in_brackets(host: str) -> str:
    """Returns the host as it is written before a port: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else str(host)
