"""Requests that take seconds of CPU wait for each other."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse

from albums import turns
from tests import polling

pytestmark = pytest.mark.once


class Held:
    """A view that waits until the test lets it go on, and the users for whom it runs."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.go_on = threading.Semaphore(0)

    def __call__(self, request: Any) -> HttpResponse:
        self.running.append(request.user.pk)
        assert self.go_on.acquire(timeout=120)
        self.running.remove(request.user.pk)
        return HttpResponse()


def started(view: Callable[[Any], Any], *users: int) -> list[threading.Thread]:
    requests = [SimpleNamespace(user=User(pk=user)) for user in users]
    threads = [threading.Thread(target=view, args=(request,), daemon=True) for request in requests]
    for thread in threads:
        thread.start()
    return threads


def finish(held: Held, threads: list[threading.Thread]) -> None:
    for _ in threads:
        held.go_on.release()
    for thread in threads:
        thread.join(120)
    assert not [thread for thread in threads if thread.is_alive()]


def test_requests_of_one_user_wait_for_each_other_and_not_for_those_of_others() -> None:
    held = Held()
    threads = started(turns.one_at_a_time(held), 1, 1, 1, 2)

    polling.until(lambda: sorted(held.running) == [1, 2], what="a user waits for another")
    held.go_on.release()
    polling.until(lambda: len([thread for thread in threads if not thread.is_alive()]) == 1, what="no request ends")

    assert held.running.count(1) <= 1
    finish(held, threads)


def test_computations_of_all_users_wait_for_each_other() -> None:
    held = Held()

    def compute(request: Any) -> None:
        with turns.turn(request.user.pk):
            held(request)

    threads = started(compute, 1, 2, 2, 3)
    for _ in threads:
        polling.until(lambda: len(held.running) == 1, what="no computation begins")
        assert len(held.running) == 1
        alive = sum(thread.is_alive() for thread in threads)
        held.go_on.release()
        polling.until(lambda before=alive: sum(t.is_alive() for t in threads) < before, what="none ends")  # type: ignore[misc]

    finish(held, threads)
