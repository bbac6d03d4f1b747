"""Limits how many connections one client address has open, so that a flood from one address leaves room for all others."""

import ipaddress
from collections import Counter
from typing import Any

IPV6_NETWORK_BYTES = 8
"""An IPv6 customer has at least a whole /64, so its addresses count together."""


class AddressLimit:
    """Counts open connections by client address.

    `configured` (0: none) applies to every address, `default` to all but those of this machine, from which a proxy connects.
    """

    def __init__(self, configured: int, default: int, is_behind_proxy: bool) -> None:
        self._limit, self._spares_loopback = configured or default, not configured
        self._is_behind_proxy = is_behind_proxy
        self._counts: Counter[bytes] = Counter()

    def admit(self, client: Any) -> bool:
        """Counts a new connection from the address that accept() returned. Returns False if it is one too many."""
        network = self._network(client)
        if network is None:
            return True
        if self._counts[network] >= self._limit:
            return False
        self._counts[network] += 1
        return True

    def release(self, client: Any) -> None:
        """Counts an admitted connection as closed."""
        if (network := self._network(client)) is not None:
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]

    def _network(self, client: Any) -> bytes | None:
        """Returns the network whose connections count together. None if it is not limited."""
        if self._is_behind_proxy or not isinstance(client, tuple):  # a string comes from a Unix socket
            return None
        ip = ipaddress.ip_address(client[0].partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_loopback and self._spares_loopback:
            return None
        return ip.packed[:IPV6_NETWORK_BYTES]  # all four bytes of an IPv4 address
