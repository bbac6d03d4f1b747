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
def no_job_is_processed_yet(monkeypatch):
    monkeypatch.setattr(workers, "_dealt_with", 0)
    monkeypatch.setattr(workers, "_lately", deque())


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("queue_status", *arguments, stdout=out)
    return out.getvalue()


def test_the_status_of_an_empty_queue_has_every_key():
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


def test_jobs_and_uploads_of_all_owners_are_counted(album, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(queue_overview, "timezone", SimpleNamespace(now=lambda: now))
    monkeypatch.setattr(workers, "ALIVE_SECONDS", 3600)
    album_without_owner = Album.objects.create(title="Winter")
    making.job_in(album, JobState.COMPLETED)
    making.job_in(album_without_owner, JobState.FAILED)
    pending_job = making.received(album_without_owner)
    making.upload(album)
    ProcessingJob.objects.filter(pk=pending_job.pk).update(created_at=now - timedelta(seconds=90.5))
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


def test_the_default_output_is_text(album, settings):
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


def test_each_worker_is_listed_with_its_current_job(album, settings):
    job = making.received(album)
    for name in ("one:1", "two:2"):
        workers.heartbeat(name)
    workers.drain(["two:2"])
    jobs.claim_next("one:1")

    first, second = json.loads(run("--json"))["worker_list"]

    assert (first["name"], first["host"], first["version"], first["job"]) == ("one:1", "one", settings.VERSION, job.pk)
    assert (second["job"], second["draining"], second["developed"], second["per_minute"]) == (None, True, 0, 0)


def test_the_help_describes_the_options(capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--help")

    assert "--json" in capsys.readouterr().out
