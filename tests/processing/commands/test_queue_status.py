"""manage.py queue_status."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from albums.models import Album
from processing import pulse
from processing.models import ProcessingJob
from processing.states import JobState
from tests.processing import making

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("queue_status", *arguments, stdout=out)
    return out.getvalue()


def test_an_empty_queue_has_every_key():
    assert json.loads(run("--json")) == {
        "jobs": {"pending": 0, "processing": 0, "completed": 0, "failed": 0, "cancelled": 0},
        "uploads": {"receiving": 0, "received": 0, "refused": 0, "expired": 0, "cancelled": 0},
        "photos": 0,
        "workers": 0,
        "oldest_pending_seconds": 0,
        "pressure": None,
        "rerender": {"waiting": 0, "failed": 0},
    }


def test_everything_is_counted_whoever_it_belongs_to(album):
    nobodys = Album.objects.create(title="Winter")
    making.job_in(album, JobState.COMPLETED)
    making.job_in(nobodys, JobState.FAILED)
    waiting = making.received(nobodys)
    making.upload(album)
    ProcessingJob.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(seconds=90.5))
    pulse.beat("tester")

    status = json.loads(run("--json"))

    assert status["jobs"] == {"pending": 1, "processing": 0, "completed": 1, "failed": 1, "cancelled": 0}
    assert status["uploads"] == {"receiving": 1, "received": 3, "refused": 0, "expired": 0, "cancelled": 0}
    assert (status["photos"], status["workers"], status["oldest_pending_seconds"]) == (1, 1, 90)


def test_people_get_words(album):
    making.received(album)
    pulse.beat("tester")

    assert run().splitlines() == [
        "Jobs:    1 pending, 0 processing, 0 completed, 0 failed, 0 cancelled",
        "Uploads: 0 receiving, 1 received, 0 refused, 0 expired, 0 cancelled",
        "Photos:  0",
        "Workers: 1 tester",
        "Oldest waiting: 0 s",
        "Rendered again: 0 waiting, 0 failed",
    ]


def test_help_tells_what_it_does(capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--help")

    assert "--json" in capsys.readouterr().out
