"""Keeps what a person typed as the bucket's address from leading into the server's own network.

A name is looked at when it is typed, and again by what a connection has really reached, before a byte is sent over it: a name
that means another machine by then (DNS rebinding), or a redirect, gets no further than that.
"""

import ipaddress
import socket
from typing import Any

from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Addresses in which a translator finds one of IPv4 (RFC 6052)."""


def is_public(address: str) -> bool:
    """Of the internet at large: not this machine, a private network, a link's own, or one in the clothes of another."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and (inner := _within(ip)):
        return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def resolved(host: str, port: int) -> set[str]:
    """All addresses of a name. Raises OSError if it has none."""
    return {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}


def fence(manager: Any) -> None:
    """Have a urllib3 PoolManager talk to public addresses alone."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def _within(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


class _Fenced:
    """Connects, looks at whom it has reached, and hangs up on whoever is inside."""

    def _new_conn(self) -> socket.socket:
        line: socket.socket = super()._new_conn()  # type: ignore[misc]
        if not is_public(line.getpeername()[0]):
            line.close()
            raise NewConnectionError(self, "This address is inside the server's own network.")  # type: ignore[arg-type]
        return line


class _HTTP(_Fenced, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _HTTPS(_Fenced, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _HTTPPool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTP


class _HTTPSPool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _HTTPS
