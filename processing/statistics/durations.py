"""The buckets of durations, from 10 ms to an hour, and quantiles from their counts. Pure."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""The upper bounds of the buckets. One more bucket holds everything longer."""
BUCKETS = len(BOUNDS_SECONDS) + 1


def bucket(seconds: float) -> int:
    """Returns the index of the bucket for a duration: that of the first bound that is not below it."""
    return bisect_left(BOUNDS_SECONDS, seconds)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Returns the duration in seconds that `share` (0 to 1) of the counted ones do not exceed; None without any.

    Interpolates inside the bucket, like Prometheus' histogram_quantile(). Returns the last bound for durations above it.
    """
    rank = share * sum(counts)
    if not rank:
        return None
    below = 0
    for index, count in enumerate(counts[: len(BOUNDS_SECONDS)]):
        if count and below + count >= rank:
            lower = BOUNDS_SECONDS[index - 1] if index else 0.0
            return lower + (BOUNDS_SECONDS[index] - lower) * (rank - below) / count
        below += count
    return BOUNDS_SECONDS[-1]
