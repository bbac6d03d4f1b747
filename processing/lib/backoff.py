"""How long a job waits before its next attempt. Pure."""

import random

NO_ROOM_SECONDS = 10.0
"""A job that found no room on the disk is tried again then."""
STILL_SECONDS = 10.0
"""A Live video whose photo is still to come."""


def longest(most: float) -> float:
    """Seconds: no job is ever put off for longer. `most` is the longest wait between two attempts that count.

    A job that waits for much longer has got its time from a clock that was set back, and is due (models/deadlines.py).
    """
    return max(most, NO_ROOM_SECONDS, STILL_SECONDS)


def delay(attempts: int, base: float, most: float, chance: float | None = None) -> float:
    """Seconds to wait after `attempts` attempts: full jitter below min(base · 2ⁿ, most), and never quite nothing.

    Full jitter as in Marc Brooker's "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    `chance` is a number from 0 to 1; drawn when not given.
    """
    if chance is None:
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
    ceiling = min(base * 2.0 ** min(attempts - 1, 32), most)
    return ceiling * max(chance, 0.1)
