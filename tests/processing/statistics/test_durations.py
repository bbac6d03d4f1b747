import random

import pytest

from processing.statistics import durations

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("seconds", "index"), [(0, 0), (0.01, 0), (0.0101, 1), (1, 6), (3600, 14), (3601, 15), (1e9, 15)]
)
def test_a_duration_is_in_the_first_bucket_that_is_not_below_it(seconds, index):
    assert durations.bucket(seconds) == index


def test_without_durations_there_is_no_quantile():
    assert durations.quantile([0] * durations.BUCKETS, 0.5) is None


def test_a_quantile_is_interpolated_inside_its_bucket():
    counts = [0] * durations.BUCKETS
    counts[durations.bucket(3)] = 10  # between 2.5 and 5 seconds

    assert durations.quantile(counts, 0.5) == pytest.approx(3.75)


def test_a_quantile_beyond_the_last_bound_is_that_bound():
    counts = [0] * durations.BUCKETS
    counts[-1] = 1

    assert durations.quantile(counts, 0.95) == 3600


def test_a_quantile_is_in_the_bucket_of_the_true_one():
    seconds = sorted(random.Random(4).expovariate(0.2) for _ in range(1001))
    counts = [0] * durations.BUCKETS
    for value in seconds:
        counts[durations.bucket(value)] += 1

    for share in (0.05, 0.5, 0.95):
        estimate = durations.quantile(counts, share)
        assert abs(durations.bucket(estimate) - durations.bucket(seconds[round(share * 1000)])) <= 1
