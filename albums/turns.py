"""Limits computations that take a process seconds of CPU, such as those about all photos of a large album, to one at a time.

Python runs one thread at a time, so several of them would not end sooner, and would slow down the pages of other users.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_all = Lock()
_users = tuple(Lock() for _ in range(64))
"""One user's computations wait for each other first, so that users take turns, however many requests one of them sends."""


@contextmanager
def turn(user_id: int) -> Iterator[None]:
    """Waits until no other computation runs, then keeps others waiting for as long as the context lasts."""
    with _users[user_id % len(_users)], _all:
        yield
