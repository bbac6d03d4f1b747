"""How long requests of other users take during an attack, compared with the same requests before it."""

import sys
import time
from collections.abc import Callable

import requests

HEALTH_SECONDS, PAGE_SECONDS = 1.0, 2.0
"""Within these times /healthz and a page respond during an attack."""
SLOWDOWN = 10
"""A machine that is too busy for these times even before the attack may take this many times as long during it."""
ATTEMPTS = 5
"""The fastest counts: the machine may stop any process for seconds, but an attack that blocks the server blocks all requests."""


class ResponseTime:
    def __init__(self, name: str, seconds: float, request: Callable[[], requests.Response]) -> None:
        """Measures the request before the attack."""
        self.name, self.request = name, request
        self.before = self._measure()
        self.limit = max(seconds, SLOWDOWN * self.before)

    def assert_within_limit(self) -> None:
        """Repeats the request, during the attack, until one is fast enough."""
        measured: list[float] = []
        while not measured or (min(measured) > self.limit and len(measured) < ATTEMPTS):
            measured.append(self._measure())
        times = ", ".join(f"{seconds:.2f}" for seconds in measured)
        sys.stdout.write(f"{self.name}: {self.before:.2f} s before, {times} s during the attack\n")
        assert min(measured) <= self.limit, (self.name, self.before, measured)

    def _measure(self) -> float:
        start = time.perf_counter()
        response = self.request()
        assert response.status_code == 200, response.text
        return time.perf_counter() - start
