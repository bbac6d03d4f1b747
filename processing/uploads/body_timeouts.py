"""Timeouts for request bodies: an idle timeout, a minimum rate, and for small bodies a deadline.

Idle timeout and minimum rate count only the time the server waits for the client. While the server writes or waits for the
disk, the client's bytes may already be in the socket's buffer.
"""

import time
from dataclasses import dataclass, field

from django.conf import settings

clock = time.monotonic


class TooSlow(TimeoutError):
    """The client sent nothing or too little in the time allowed, or the body was incomplete at its deadline."""


@dataclass(slots=True)
class Pace:
    """The timeouts of one body. `idle`, `over` and `seconds` are in seconds, `least` in bytes a second; 0 means no minimum."""

    idle: float
    """The maximum time without any bytes."""
    least: int
    over: float
    """The period over which the minimum rate is measured."""
    seconds: float | None = None
    """The maximum time for the whole body; None means no limit."""
    _waited: float = 0.0
    _bytes: int = 0
    _started_at: float = field(default_factory=lambda: clock())
    _waiting_since: float = 0.0

    def ask(self) -> float:
        """Starts a wait for the next bytes. Returns the timeout in seconds. Raises TooSlow if no time is left."""
        self._waiting_since = clock()
        limits = [self.idle]
        if self.seconds is not None:
            limits.append(self._started_at + self.seconds - self._waiting_since)
        if self.least and self._bytes < self.least * self.over:
            limits.append(self.over - self._waited)
        if min(limits) <= 0:
            raise TooSlow(f"{self._bytes} bytes came in {self._waited:.0f} seconds")
        return min(limits)

    def hear(self, count: int) -> None:
        """Records that `count` bytes arrived since ask()."""
        self._waited += clock() - self._waiting_since
        self._bytes += count
        if self._waited >= self.over and self._bytes >= self.least * self.over:
            self._waited, self._bytes = 0.0, 0


def of_upload() -> Pace:
    """Returns the timeouts of an upload: at least MIN_UPLOAD_RATE, without a deadline."""
    return Pace(settings.BODY_IDLE_SECONDS, settings.MIN_UPLOAD_RATE, settings.MIN_RATE_SECONDS)


def within(seconds: float) -> Pace:
    """Returns the timeouts of a small body that must arrive within `seconds`."""
    return Pace(min(settings.BODY_IDLE_SECONDS, seconds), 0, settings.MIN_RATE_SECONDS, seconds)
