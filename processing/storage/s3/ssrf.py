"""Keeps what a person typed as the bucket's address from leading into the server's own network (SSRF).

A name is looked at when it is typed, and again for every connection: it is resolved once, all its addresses are judged, and one
of these very addresses is connected to. So nothing is sent to a name that means another machine by then (DNS rebinding), nor to
where a redirect leads. Proxies (HTTP_PROXY, HTTPS_PROXY) are not used for such a connection: they resolve names by themselves.
"""

import ipaddress
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

NO_PROXIES: dict[str, str] = {}
"""As botocore's setting: without one it would take those of the environment."""
WORDS = "This address is inside the server's own network."

ALSO_INTERNAL = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's own services, beside every virtual machine there
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890; some clouds have their metadata there
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4, given up by RFC 7526
)
"""IPv4 that Python holds for global."""
UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out to the internet at large (RFC 4291). Outside lie fc00::/7, fe80::/10, fec0::/10, multicast,
IPv4-compatible ::/96, SIIT's ::ffff:0:0:0/96, and 64:ff9b:1::/48, which translators use locally (RFC 8215)."""
SPECIAL = (ipaddress.ip_network("2001::/23"), ipaddress.ip_network("3fff::/20"))
"""In there, what is for protocols (RFC 2928) and for documentation (RFC 9637)."""
NAT64, TEREDO, SIXTOFOUR = (ipaddress.ip_network(each) for each in ("64:ff9b::/96", "2001::/32", "2002::/16"))
"""Addresses that lead to one of IPv4 (RFC 6052, 4380, 3056), which is judged in their place."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The last 64 bits of an address begin so where the rest is one of IPv4 (RFC 5214)."""


def is_public(address: str) -> bool:
    """Of the internet at large: not this machine, a private or link-local network, a cloud's own, or a form that leads to one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in each for each in ALSO_INTERNAL)
    inner = _within(ip)
    if ip.ipv4_mapped or ip in NAT64 or ip in TEREDO or ip in SIXTOFOUR:
        return all(is_public(str(each)) for each in inner)
    is_unicast = ip in UNICAST and ip.is_global and not any(ip in each for each in SPECIAL)
    return is_unicast and all(is_public(str(each)) for each in inner)


def resolved(host: str, port: int) -> list[str]:
    """All addresses of a name, the ones to try first in front. Raises OSError if it has none, UnicodeError if it is no name."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def fence(manager: Any) -> None:
    """Have a urllib3 PoolManager talk to public addresses alone."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def fence_session(session: Any) -> None:
    """The same of a botocore URLLib3Session. One that was made with proxies reaches them only where they are public, too."""
    session._pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}  # of managers that it makes for proxies
    fence(session._manager)


def _within(ip: IPv6Address) -> list[IPv4Address]:
    """The addresses of IPv4 that one of IPv6 stands for, or passes through."""
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.teredo:
        return list(ip.teredo)
    if ip.sixtofour:
        return [ip.sixtofour]
    is_isatap = (int(ip) >> 32 & 0xFFFFFFFF) in ISATAP
    return [IPv4Address(int(ip) & 0xFFFFFFFF)] if ip in NAT64 or is_isatap else []


class _Fenced:
    """Connects to none but addresses that were judged. The name stays what certificates are held to."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        name = self.host
        try:
            addresses = resolved(name, self.port)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(name, self, reason) from error  # type: ignore[arg-type]
        if not all(is_public(each) for each in addresses):
            raise NewConnectionError(self, WORDS)  # type: ignore[arg-type]
        for address in addresses[:-1]:
            with suppress(NewConnectionError, ConnectTimeoutError):
                return self._to(address, name)
        return self._to(addresses[-1], name)

    def _to(self, address: str, name: str) -> socket.socket:
        self.host = address
        try:
            line: socket.socket = super()._new_conn()  # type: ignore[misc]
        finally:
            self.host = name
        if not is_public(line.getpeername()[0]):
            line.close()
            raise NewConnectionError(self, WORDS)  # type: ignore[arg-type]
        return line


class _HTTP(_Fenced, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _HTTPS(_Fenced, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _HTTPPool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTP


class _HTTPSPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTPS
