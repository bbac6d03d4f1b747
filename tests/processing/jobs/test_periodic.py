from datetime import timedelta

import pytest
from django.utils import timezone

from processing.jobs import periodic
from processing.models import Round

pytestmark = pytest.mark.django_db


def pass_time(seconds: float) -> None:
    for row in Round.objects.all():
        row.next_at -= timedelta(seconds=seconds)
        row.save()


def test_one_of_many_callers_acquires_an_interval():
    assert [periodic.acquire("sweep", 60) for _ in range(8)] == [True, *[False] * 7]


def test_a_caller_acquires_every_interval():
    """The calls are one second early, because clocks are not exact."""
    results = []
    for _ in range(3):
        results.append(periodic.acquire("sweep", 60))
        pass_time(59)

    assert results == [True, True, True]


def test_intervals_of_different_names_are_independent():
    periodic.acquire("sweep", 60)

    assert periodic.acquire("check", 60)


def test_a_clock_that_was_set_back_does_not_block_an_interval():
    Round.objects.create(name="sweep", next_at=timezone.now() + timedelta(hours=2))

    assert periodic.acquire("sweep", 60)
