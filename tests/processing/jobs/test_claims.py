"""Claims, attempts and turns, which jobs and rerenders share."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from processing.jobs import claims
from processing.models import ProcessingJob, Rerender
from processing.models.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[ProcessingJob, Rerender], ids=["job", "rerender"])
def claimed(request, album):
    """A job or rerender that this worker has claimed."""
    if request.param is ProcessingJob:
        return making.job_in(album, JobState.PROCESSING)
    photo = making.job_in(album, JobState.COMPLETED).photo
    return Rerender.objects.create(photo=photo, turn=0, **claims.new(timezone.now(), 60))


def test_a_row_is_held_until_another_worker_claims_it(claimed):
    rows = type(claimed).objects.all()
    assert claims.held(rows, claimed).get() == claimed

    rows.update(claim=uuid.uuid4())

    assert not claims.held(rows, claimed).exists()


def test_a_row_without_a_claim_is_held_by_no_worker(album):
    job = making.job_in(album, JobState.PENDING)

    assert not claims.held(ProcessingJob.objects.all(), job).exists()


def test_a_claim_has_a_lease_and_a_new_id():
    now = timezone.now()

    assert claims.new(now, 7)["lease_until"] == now + timedelta(seconds=7)
    assert claims.new(now, 7)["claim"] != claims.new(now, 7)["claim"]


def test_the_attempts_are_spent_when_they_reach_the_setting(claimed, settings):
    settings.MAX_ATTEMPTS = 2

    results = []
    for claimed.attempts in (1, 2, 3):
        results.append(claims.are_attempts_spent(claimed))

    assert results == [False, True, True]


@pytest.mark.parametrize(
    ("queue", "album", "turn"),
    [
        ([None, None], [None, None], 0),
        ([7, 5], [None, None], 5),
        ([5, None], [9, 6], 10),
        ([12, None], [None, 3], 12),
    ],
    ids=["an empty queue", "a new album", "behind its own album", "at the front of the queue"],
)
def test_a_turn_is_after_its_own_album_and_not_before_the_front_of_the_queue(queue, album, turn):
    assert claims.next_turn(queue, album) == turn
