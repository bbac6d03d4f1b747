"""Raises the limit of open file descriptors, and derives the maximum number of connections from it."""

import resource

MAX_CONNECTIONS = 1000
"""The default maximum of connections. An idle one takes some kilobytes."""
RESERVED_DESCRIPTORS = 64
"""Descriptors for libraries, databases and logs."""
DESCRIPTORS_PER_THREAD = 4
"""Descriptors that a thread may have open at once: an uploaded file, its directory, the database."""
MIN_CONNECTIONS = 16


def raise_limit() -> None:
    """Raises the soft limit of this process to the hard limit. Programs that it executes or starts inherit that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def max_connections(threads: int) -> int:
    """Returns the maximum number of connections for `threads`: each has a socket and perhaps a file that is being sent."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(
        MIN_CONNECTIONS, min(MAX_CONNECTIONS, (soft - RESERVED_DESCRIPTORS - DESCRIPTORS_PER_THREAD * 2 * threads) // 2)
    )
