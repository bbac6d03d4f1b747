"""Returns the client's IP address and networks."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "::"
"""The value for an unknown address, as behind a Unix socket."""
WITH_PORT = re.compile(r'"?(?:\[(?P<v6>[^\]]+)\](?::\d*)?|(?P<v4>[\d.]+):\d*)"?')
"""RFC 7239, section 6: some proxies write the port, and IPv6 in brackets."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address(request: HttpRequest) -> str:
    """Returns the client's IP address, or UNKNOWN.

    X-Forwarded-For is trusted only behind a proxy (BEHIND_TLS), and only its last entry, which that proxy has added.
    """
    return str(_address(request) or UNKNOWN)


def network(request: HttpRequest) -> str:
    """Returns the network of one customer: an IPv4 address, or an IPv6 /64."""
    return _network(request, 64)


def ipv6_site(request: HttpRequest) -> str | None:
    """Returns the IPv6 /48, which a provider may assign to one customer as 65,536 networks. None for IPv4."""
    return _network(request, 48) if isinstance(_address(request), ipaddress.IPv6Address) else None


def _network(request: HttpRequest, prefix: int) -> str:
    ip = _address(request)
    if ip is None:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(ip), prefix), strict=False))
    return str(ip)


def _address(request: HttpRequest) -> Address | None:
    peer = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        peer = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer
    if match := WITH_PORT.fullmatch(peer):
        peer = match["v6"] or match["v4"]
    try:
        ip = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
