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


def test_of_many_that_ask_one_is_told_yes():
    assert [periodic.acquire("sweep", 60) for _ in range(8)] == [True, *[False] * 7]


def test_who_asks_once_a_span_is_told_yes_each_time():
    """A little early, too: clocks are not that good."""
    answers = []
    for _ in range(3):
        answers.append(periodic.acquire("sweep", 60))
        pass_time(59)

    assert answers == [True, True, True]


def test_one_that_is_done_says_nothing_of_another():
    periodic.acquire("sweep", 60)

    assert periodic.acquire("check", 60)


def test_a_clock_that_was_set_back_stops_nothing_for_ever():
    Round.objects.create(name="sweep", next_at=timezone.now() + timedelta(hours=2))

    assert periodic.acquire("sweep", 60)
