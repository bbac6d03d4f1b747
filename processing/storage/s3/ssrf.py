"""Blocks connections from a bucket endpoint that a user entered into the server's own network (SSRF).

A host name is checked when it is entered, and again for every connection: it is resolved once, all its addresses are checked, and
the connection is made to one of the checked addresses. So neither a name that resolves to another address later (DNS rebinding)
nor a redirect can bypass the check. Proxies (HTTP_PROXY, HTTPS_PROXY) are not used for such a connection, because they resolve
names themselves.
"""

import ipaddress
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

NO_PROXIES: dict[str, str] = {}
"""For botocore's `proxies` option, which defaults to the proxies in the environment."""
ERROR_MESSAGE = "This address is in the server's internal network."

ALSO_INTERNAL = (
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's platform services, reachable from every virtual machine
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890; some clouds have their metadata there
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, deprecated by RFC 7526
)
"""Internal IPv4 networks that Python's `is_global` accepts."""
UNICAST = ipaddress.ip_network("2000::/3")
"""Global unicast: the part of IPv6 that is allocated to the public internet (RFC 4291). It excludes fc00::/7, fe80::/10,
fec0::/10, multicast, IPv4-compatible ::/96, SIIT's ::ffff:0:0:0/96, and 64:ff9b:1::/48, for
local use by translators (RFC 8215)."""
SPECIAL = (ipaddress.ip_network("2001::/23"), ipaddress.ip_network("3fff::/20"))
"""Networks within UNICAST that are reserved for protocols (RFC 2928) and documentation (RFC 9637)."""
NAT64, TEREDO, SIXTOFOUR = (ipaddress.ip_network(network) for network in ("64:ff9b::/96", "2001::/32", "2002::/16"))
"""IPv6 addresses that embed an IPv4 address (RFC 6052, 4380, 3056), which is checked instead."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface id whose lower half is an IPv4 address (RFC 5214)."""


def is_public(address: str) -> bool:
    """True for addresses of the public internet. False for this host, private, link-local and cloud-internal networks, and for
    IPv6 addresses that embed such an address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in ALSO_INTERNAL)
    embedded = _embedded_ipv4(ip)
    if ip.ipv4_mapped or ip in NAT64 or ip in TEREDO or ip in SIXTOFOUR:
        return all(is_public(str(embedded_address)) for embedded_address in embedded)
    is_unicast = ip in UNICAST and ip.is_global and not any(ip in network for network in SPECIAL)
    return is_unicast and all(is_public(str(embedded_address)) for embedded_address in embedded)


def resolved(host: str, port: int) -> list[str]:
    """Returns a host name's addresses in order of preference. Raises OSError if it has none, UnicodeError if it is invalid."""
    address_infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(socket_address[0]) for *_, socket_address in address_infos))


def fence(manager: Any) -> None:
    """Restricts a urllib3 PoolManager to public addresses."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def fence_session(session: Any) -> None:
    """Restricts a botocore URLLib3Session, and the proxies that it was created with, to public addresses."""
    session._pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}  # used for its proxy managers
    fence(session._manager)


def _embedded_ipv4(ip: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses embedded in an IPv6 address."""
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    if ip.teredo:
        return list(ip.teredo)
    if ip.sixtofour:
        return [ip.sixtofour]
    is_isatap = (int(ip) >> 32 & 0xFFFFFFFF) in ISATAP
    return [IPv4Address(int(ip) & 0xFFFFFFFF)] if ip in NAT64 or is_isatap else []


class _Fenced:
    """Connects only to checked addresses. Certificates are still verified against the host name."""

    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        host_name = self.host
        try:
            addresses = resolved(host_name, self.port)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(host_name, self, reason) from error  # type: ignore[arg-type]
        if not all(is_public(address) for address in addresses):
            raise NewConnectionError(self, ERROR_MESSAGE)  # type: ignore[arg-type]
        for address in addresses[:-1]:
            with suppress(NewConnectionError, ConnectTimeoutError):
                return self._connect_to(address, host_name)
        return self._connect_to(addresses[-1], host_name)

    def _connect_to(self, address: str, host_name: str) -> socket.socket:
        self.host = address
        try:
            connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        finally:
            self.host = host_name
        if not is_public(connection.getpeername()[0]):
            connection.close()
            raise NewConnectionError(self, ERROR_MESSAGE)  # type: ignore[arg-type]
        return connection


class _HTTP(_Fenced, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _HTTPS(_Fenced, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _HTTPPool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTP


class _HTTPSPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTPS
