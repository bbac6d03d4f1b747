"""Caches one value for some seconds, in each process."""

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_AGE_FACTOR = 10
"""While one thread loads a value, the others use the previous one up to an age of this many times the usual one."""


class CachedValue(Generic[T]):
    """Caches what `load` returns. An exception of `load` is raised by get(), and the previous value stays."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = Lock()
        self._entry: tuple[float, T] | None = None

    def get(self, seconds: float) -> T:
        """Returns a value that was loaded at most `seconds` ago.

        While one thread loads a new value, other threads get the previous one. They wait if there is none, or if it is older
        than MAX_AGE_FACTOR times `seconds`: nothing may have asked for it for hours.
        """
        entry = self._entry
        age = time.monotonic() - entry[0] if entry else math.inf
        if entry and age <= seconds:
            return entry[1]
        if not self._lock.acquire(blocking=age > MAX_AGE_FACTOR * seconds):
            assert entry
            return entry[1]
        try:
            current = self._entry
            if current is None or current is entry:
                value = self._load()
                current = self._entry = time.monotonic(), value
            return current[1]
        finally:
            self._lock.release()

    @property
    def last(self) -> T | None:
        """The value loaded last, however old; None if there is none."""
        return self._entry[1] if self._entry else None

    def clear(self) -> None:
        self._entry = None
