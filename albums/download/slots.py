"""Limits how many archives are computed and sent at once, in all and for one user: each occupies a thread until it is sent.

The limits are below the number of threads for pages (docs/decisions/0015-no-thread-waits-for-a-slow-client.md).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.conf import settings

THREADS_PER_SLOT = 8
SLOTS_PER_USER_SLOT = 4

_taken: Counter[int] = Counter()
_lock = Lock()


class AllSlotsTaken(Exception):
    """No slot is free, or the user has none left."""


class Slot:
    """An occupied slot. Releasing it twice is harmless."""

    def __init__(self, user_id: int) -> None:
        """Raises AllSlotsTaken: waiting would occupy a thread too."""
        with _lock:
            if _taken.total() >= total_slots() or _taken[user_id] >= user_slots():
                raise AllSlotsTaken
            _taken[user_id] += 1
        self.user_id = user_id
        self._is_kept = self._is_released = False

    def keep(self) -> None:
        """Leaves releasing it to the response."""
        self._is_kept = True

    @contextmanager
    def released_unless_kept(self) -> Iterator[None]:
        try:
            yield
        finally:
            if not self._is_kept:
                self.release()

    def release(self) -> None:
        with _lock:
            if self._is_released:
                return
            self._is_released = True
            _taken[self.user_id] -= 1
            if not _taken[self.user_id]:
                del _taken[self.user_id]


def total_slots() -> int:
    """Returns how many archives this process sends at once: a quarter of the threads for pages."""
    return max(1, int(settings.WEB_THREADS) // THREADS_PER_SLOT)


def user_slots() -> int:
    return max(1, total_slots() // SLOTS_PER_USER_SLOT)
