"""Ports that are reserved for this test process until it ends."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import chain, count
from pathlib import Path

FIRST, LAST = 10_000, 65_535
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")

_reserved: set[int] = set()


def reserve(host: str) -> int:
    """Return a free port that no other test process reserves; from PORT upwards if that is set.

    A server may start on it much later, or repeatedly, so it is outside the range from which the kernel assigns ports.
    """
    port = next(port for port in _candidates() if port not in _reserved and _is_reserved(port) and _is_free(host, port))
    _reserved.add(port)
    return port


def _candidates() -> Iterator[int]:
    if first := os.environ.get("PORT"):
        return count(int(first))
    low, high = map(int, EPHEMERAL.read_text().split())
    ports = [port for port in range(FIRST, LAST) if not low <= port <= high] or list(range(FIRST, LAST))
    begin = random.SystemRandom().randrange(
        len(ports)
    )  # not the seeded order of tests, which other processes may share
    return chain(ports[begin:], ports[:begin])


def _is_reserved(port: int) -> bool:
    """Lock the byte of this number, which the kernel unlocks when the process ends."""
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _lock_file() -> int:
    """Return the descriptor of the file of locks, open until the process ends: closing it would unlock all ports."""
    path = Path(tempfile.gettempdir()) / f"darkroom-test-ports-{os.geteuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
