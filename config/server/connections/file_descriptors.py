"""How many descriptors the process may have open, and how many connections it may therefore take."""

import resource

MOST = 1000
"""Connections, unless WEB_CONNECTIONS says otherwise. An idle one takes some kilobytes."""
OTHERS = 64
"""Descriptors that are open anyway: libraries, databases, logs."""
A_THREAD = 4
"""Descriptors that a thread may have open at once: a file that comes in, its directory, the database."""
LEAST = 16


def raise_limit() -> None:
    """Raise the soft limit of this process, and of those that it becomes or starts, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections(threads: int) -> int:
    """Returns how many connections a process of so many threads takes: each has a socket, and may have a file that is sent."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(LEAST, min(MOST, (soft - OTHERS - A_THREAD * 2 * threads) // 2))
