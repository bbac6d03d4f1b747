"""A job's events, told as a person would."""

import pytest

from processing import jobs
from processing.maintenance import sweep as recovery
from processing.models import ProcessingJob
from processing.queries import failure_page
from tests.processing import making

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, str]]:
    events = ProcessingJob.objects.get().events.all()
    return [(moment.title, moment.text) for moment in failure_page.timeline(events)]


def test_attempts_are_told_with_what_ended_them(album, settings):
    settings.BACKOFF_BASE_SECONDS, settings.MAX_ATTEMPTS = 0, 3
    making.received(album)
    jobs.fail(jobs.claim_next("tester"), *recovery.LOST, permanent=False)
    jobs.fail(jobs.claim_next("tester"), "broken", "The file is damaged.", permanent=True)

    assert told() == [("Uploaded", ""), ("Attempt 1", recovery.LOST[1]), ("Attempt 2", "The file is damaged.")]


def test_an_attempt_that_does_not_count_keeps_its_number(album):
    making.received(album)
    jobs.release(jobs.claim_next("tester"))
    jobs.postpone(jobs.claim_next("tester"), "disk-full", "There was no room.", seconds=0)

    assert told() == [
        ("Uploaded", ""),
        ("Attempt 1", failure_page.SHUTDOWN_MESSAGE),
        ("Attempt 1", "There was no room."),
    ]


def test_who_retried_it_is_told(album):
    making.received(album)
    job = jobs.claim_next("tester")
    jobs.give_up(job, "broken", "The file is damaged.")
    jobs.requeue(job, by="anna")
    jobs.give_up(jobs.claim_next("tester"), "broken", "Still damaged.")

    assert told()[1:] == [
        ("Attempt 1", "The file is damaged."),
        ("Retried", "by anna"),
        ("Attempt 1", "Still damaged."),
    ]


def test_what_the_sweep_forgot_is_not_missed(album):
    making.received(album)
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    ProcessingJob.objects.get().events.exclude(edge="give_up").delete()

    assert told() == [("Attempt 1", "The file is damaged.")]
