"""Delays before a job's next attempt. Pure."""

import random

NO_ROOM_SECONDS = 10.0
"""The delay of a job after a full disk."""
STILL_SECONDS = 10.0
"""The delay of a Live video that arrived before its photo."""


def longest(max_delay: float) -> float:
    """Returns the longest possible delay of a job, in seconds. `max_delay`: the longest delay between two counted attempts.

    A job with a much longer delay got it before the clock was set back, and is due (models/deadlines.py).
    """
    return max(max_delay, NO_ROOM_SECONDS, STILL_SECONDS)


def delay(attempts: int, base: float, max_delay: float, chance: float | None = None) -> float:
    """Returns the seconds to wait after `attempts` attempts: full jitter below min(base · 2ⁿ, max_delay), at least 10 % of it.

    Full jitter as in Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    `chance` is a number from 0 to 1, random by default.
    """
    if chance is None:
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
    ceiling = min(base * 2.0 ** min(attempts - 1, 32), max_delay)
    return ceiling * max(chance, 0.1)
