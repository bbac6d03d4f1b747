"""Where a request comes from."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "::"
"""Stands for an address that cannot be read, as behind a Unix socket."""
WITH_PORT = re.compile(r'"?(?:\[(?P<v6>[^\]]+)\](?::\d*)?|(?P<v4>[\d.]+):\d*)"?')
"""RFC 7239, section 6: some proxies write the port, and IPv6 in brackets."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(request: HttpRequest) -> str:
    """The client's IP address, UNKNOWN where there is none.

    X-Forwarded-For is believed only behind a proxy, and of it only what that proxy itself wrote: its end.
    """
    return str(_address(request) or UNKNOWN)


def network(request: HttpRequest) -> str:
    """What one customer has: an IPv4 address, or a /64 of IPv6."""
    return _network(request, 64)


def site(request: HttpRequest) -> str | None:
    """The /48 of IPv6, which a provider hands out as 65,536 networks to one customer. None for IPv4."""
    return _network(request, 48) if isinstance(_address(request), ipaddress.IPv6Address) else None


def _network(request: HttpRequest, prefix: int) -> str:
    found = _address(request)
    if found is None:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found), prefix), strict=False))
    return str(found)


def _address(request: HttpRequest) -> Address | None:
    peer = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        peer = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer
    if match := WITH_PORT.fullmatch(peer):
        peer = match["v6"] or match["v4"]
    try:
        found = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
