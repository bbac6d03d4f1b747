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
class BodyTimeouts:
    """The timeouts of one body. Three are in seconds, `min_rate` is in bytes per second; 0 means no minimum."""

    idle_seconds: float
    """The maximum time without any bytes."""
    min_rate: int
    rate_seconds: float
    """The period over which the minimum rate is measured."""
    deadline_seconds: float | None = None
    """The maximum time for the whole body; None means no limit."""
    _waited: float = 0.0
    _bytes: int = 0
    _started_at: float = field(default_factory=lambda: clock())
    _waiting_since: float = 0.0

    def next_timeout(self) -> float:
        """Starts a wait for the next bytes. Returns the timeout in seconds. Raises TooSlow if no time is left."""
        self._waiting_since = clock()
        limits = [self.idle_seconds]
        if self.deadline_seconds is not None:
            limits.append(self._started_at + self.deadline_seconds - self._waiting_since)
        if self.min_rate and self._bytes < self.min_rate * self.rate_seconds:
            limits.append(self.rate_seconds - self._waited)
        if min(limits) <= 0:
            raise TooSlow(f"{self._bytes} bytes came in {self._waited:.0f} seconds")
        return min(limits)

    def received(self, count: int) -> None:
        """Records that `count` bytes arrived since ask()."""
        self._waited += clock() - self._waiting_since
        self._bytes += count
        if self._waited >= self.rate_seconds and self._bytes >= self.min_rate * self.rate_seconds:
            self._waited, self._bytes = 0.0, 0


def for_upload() -> BodyTimeouts:
    """Returns the timeouts of an upload: at least MIN_UPLOAD_RATE, without a deadline."""
    return BodyTimeouts(settings.BODY_IDLE_SECONDS, settings.MIN_UPLOAD_RATE, settings.MIN_RATE_SECONDS)


def for_small_body(seconds: float) -> BodyTimeouts:
    """Returns the timeouts of a small body that must arrive within `seconds`."""
    return BodyTimeouts(min(settings.BODY_IDLE_SECONDS, seconds), 0, settings.MIN_RATE_SECONDS, seconds)
