"""The timeline of a job, built from its events."""

import pytest

from processing import jobs
from processing.maintenance import sweep
from processing.models import ProcessingJob
from processing.queries import failure_page
from tests.processing import making

pytestmark = pytest.mark.django_db


def timeline() -> list[tuple[str, str]]:
    events = ProcessingJob.objects.get().events.all()
    return [(moment.title, moment.text) for moment in failure_page.timeline(events)]


def test_each_attempt_has_the_error_that_ended_it(album, settings):
    settings.BACKOFF_BASE_SECONDS, settings.MAX_ATTEMPTS = 0, 3
    making.received(album)
    jobs.fail(jobs.claim_next("tester"), *sweep.LOST, permanent=False)
    jobs.fail(jobs.claim_next("tester"), "broken", "The file is damaged.", permanent=True)

    assert timeline() == [("Uploaded", ""), ("Attempt 1", sweep.LOST[1]), ("Attempt 2", "The file is damaged.")]


def test_an_attempt_that_does_not_count_keeps_its_number(album):
    making.received(album)
    jobs.release(jobs.claim_next("tester"))
    jobs.postpone(jobs.claim_next("tester"), "disk-full", "There was no room.", seconds=0)

    assert timeline() == [
        ("Uploaded", ""),
        ("Attempt 1", failure_page.SHUTDOWN_MESSAGE),
        ("Attempt 1", "There was no room."),
    ]


def test_a_retry_has_the_user_who_requested_it(album):
    making.received(album)
    job = jobs.claim_next("tester")
    jobs.give_up(job, "broken", "The file is damaged.")
    jobs.requeue(job, by="anna")
    jobs.give_up(jobs.claim_next("tester"), "broken", "Still damaged.")

    assert timeline()[1:] == [
        ("Attempt 1", "The file is damaged."),
        ("Retried", "by anna"),
        ("Attempt 1", "Still damaged."),
    ]


def test_the_timeline_works_without_events_that_the_sweep_deleted(album):
    making.received(album)
    jobs.give_up(jobs.claim_next("tester"), "broken", "The file is damaged.")
    ProcessingJob.objects.get().events.exclude(edge="give_up").delete()

    assert timeline() == [("Attempt 1", "The file is damaged.")]
