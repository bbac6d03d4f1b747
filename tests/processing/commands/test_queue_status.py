"""manage.py queue_status."""

import json
from collections import deque
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.utils import timezone

from albums.models import Album
from processing import jobs
from processing.jobs import workers
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.queries import queue_overview
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_is_dealt_with_yet(monkeypatch):
    monkeypatch.setattr(workers, "_dealt_with", 0)
    monkeypatch.setattr(workers, "_lately", deque())


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("queue_status", *arguments, stdout=out)
    return out.getvalue()


def test_an_empty_queue_has_every_key():
    assert json.loads(run("--json")) == {
        "jobs": {"pending": 0, "processing": 0, "completed": 0, "failed": 0, "cancelled": 0},
        "uploads": {"receiving": 0, "received": 0, "refused": 0, "skipped": 0, "expired": 0, "cancelled": 0},
        "photos": 0,
        "workers": 0,
        "oldest_pending_seconds": 0,
        "pressure": None,
        "rerender": {"waiting": 0, "failed": 0},
        "worker_list": [],
        "estimated": [],
    }


def test_everything_is_counted_whoever_it_belongs_to(album, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(queue_overview, "timezone", SimpleNamespace(now=lambda: now))
    monkeypatch.setattr(workers, "ALIVE_SECONDS", 3600)
    nobodys = Album.objects.create(title="Winter")
    making.job_in(album, JobState.COMPLETED)
    making.job_in(nobodys, JobState.FAILED)
    waiting = making.received(nobodys)
    making.upload(album)
    ProcessingJob.objects.filter(pk=waiting.pk).update(created_at=now - timedelta(seconds=90.5))
    workers.heartbeat("tester")

    status = json.loads(run("--json"))

    assert status["jobs"] == {"pending": 1, "processing": 0, "completed": 1, "failed": 1, "cancelled": 0}
    assert status["uploads"] == {
        "receiving": 1,
        "received": 3,
        "refused": 0,
        "skipped": 0,
        "expired": 0,
        "cancelled": 0,
    }
    assert (status["photos"], status["workers"], status["oldest_pending_seconds"]) == (1, 1, 90)


def test_people_get_words(album, settings):
    making.received(album)
    workers.heartbeat("host:7")

    assert run().splitlines() == [
        "Jobs:    1 pending, 0 processing, 0 completed, 0 failed, 0 cancelled",
        "Uploads: 0 receiving, 1 received, 0 refused, 0 skipped, 0 expired, 0 cancelled",
        "Photos:  0",
        "Workers: 1",
        f"  host:7 (version {settings.VERSION}): idle, 0 jobs/min",
        "Longest wait: 0 s",
        "Rerendering: 0 queued, 0 failed",
    ]


def test_each_worker_is_told_with_what_it_has_in_work(album, settings):
    job = making.received(album)
    for name in ("one:1", "two:2"):
        workers.heartbeat(name)
    workers.drain(["two:2"])
    jobs.claim_next("one:1")

    one, two = json.loads(run("--json"))["worker_list"]

    assert (one["name"], one["host"], one["version"], one["job"]) == ("one:1", "one", settings.VERSION, job.pk)
    assert (two["job"], two["draining"], two["developed"], two["per_minute"]) == (None, True, 0, 0)


def test_help_tells_what_it_does(capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--help")

    assert "--json" in capsys.readouterr().out
