"""How long a request's body may take: no silence, a minimum rate, and where the body is small, a deadline for all of it.

Only the time counts that the server spends waiting for the client. While it writes, or waits for the disk, the client's bytes
may lie in the socket's buffer, and are not late.
"""

import time
from dataclasses import dataclass, field

from django.conf import settings

clock = time.monotonic


class TooSlow(TimeoutError):
    """Fewer bytes came than the minimum rate asks for, or the body was not whole at its deadline."""


@dataclass(slots=True)
class Pace:
    """The waits of one body. `idle`, `over` and `seconds` are seconds, `least` is bytes a second; 0 is no minimum."""

    idle: float
    """How long the client may be silent."""
    least: int
    over: float
    """The minimum rate is measured over so long."""
    seconds: float | None = None
    """How long all of the body may take; None is no limit."""
    _waited: float = 0.0
    _bytes: int = 0
    _began: float = field(default_factory=lambda: clock())
    _asked: float = 0.0

    def ask(self) -> float:
        """Begin to wait for the next bytes. Returns for how many seconds at most; raises TooSlow when there are none left."""
        self._asked = clock()
        limits = [self.idle]
        if self.seconds is not None:
            limits.append(self._began + self.seconds - self._asked)
        if self.least and self._bytes < self.least * self.over:
            limits.append(self.over - self._waited)
        if min(limits) <= 0:
            raise TooSlow(f"{self._bytes} bytes came in {self._waited:.0f} seconds")
        return min(limits)

    def hear(self, count: int) -> None:
        """So many bytes came since ask()."""
        self._waited += clock() - self._asked
        self._bytes += count
        if self._waited >= self.over and self._bytes >= self.least * self.over:
            self._waited, self._bytes = 0.0, 0


def of_upload() -> Pace:
    """The pace of a file on its way in: as slow as MIN_UPLOAD_RATE allows, and as long as it takes."""
    return Pace(settings.BODY_IDLE_SECONDS, settings.MIN_UPLOAD_RATE, settings.MIN_RATE_SECONDS)


def within(seconds: float) -> Pace:
    """The pace of a small body, all of which has to come within so many seconds."""
    return Pace(min(settings.BODY_IDLE_SECONDS, seconds), 0, settings.MIN_RATE_SECONDS, seconds)
