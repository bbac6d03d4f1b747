"""Limits what takes seconds of CPU: computations about all photos of a large album, and searches.

Python runs one thread at a time, so several of one user would not end sooner, and would slow down the pages of other users.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

_all = Lock()
_users = tuple(Lock() for _ in range(64))
"""One user's requests wait for each other first, so that users take turns, however many requests one of them sends."""

View = Callable[..., HttpResponse]


@contextmanager
def turn(user_id: int) -> Iterator[None]:
    """Waits until no other computation runs, then keeps others waiting for as long as the context lasts."""
    with _users[user_id % len(_users)], _all:
        yield


def one_at_a_time(view: View) -> View:
    """Makes requests of a user for such a view wait for each other. Those of other users do not wait."""

    @wraps(view)
    def waiting(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        with _users[request.user.pk % len(_users)]:
            return view(request, *args, **kwargs)

    return waiting
