"""Waiting for what other processes do: bounded, and the only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

INTERVAL = 0.02


class NeverHappened(AssertionError):
    pass


def until(ask: Callable[[], Answer], seconds: float = 120.0, what: str = "") -> Answer:
    """Return the first true result. An OSError counts as none yet. Only what hangs takes as long as the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise NeverHappened(what or f"nothing true within {seconds:g} s")
        time.sleep(INTERVAL)
