"""The workers on the queue's page, and who may drain one."""

import re

import pytest

from albums.models import Album
from processing import jobs, tasks
from processing.jobs import workers as jobs_workers
from processing.models import ProcessingJob
from processing.models.states import JobState
from processing.rendering import worker
from tests.processing import making
from tests.test_doors import client_of

pytestmark = pytest.mark.django_db


def page(user) -> str:
    return " ".join(client_of(user).get("/jobs/").content.decode().split())


def drain(user, name: str, **more):
    return client_of(user).post("/jobs/workers/drain/", {"worker": name, **more})


@pytest.fixture(autouse=True)
def workers():
    for name in ("one:1", "two:2"):
        jobs_workers.heartbeat(name)


def test_each_worker_is_shown_with_what_it_does(album, owner):
    making.received(album, name="beach.jpg")
    jobs.claim_next("one:1")

    shown = page(owner)

    assert f'Processing beach.jpg in <a href="{album.get_absolute_url()}">Summer</a>' in shown
    assert len(re.findall(r"\d+ jobs?/min · version ", shown)) == 2
    assert "Idle" in shown


def test_what_belongs_to_somebody_else_is_not_named(album, stranger):
    making.received(album, name="beach.jpg")
    jobs.claim_next("one:1")

    shown = page(stranger)

    assert "Processing a photo" in shown
    assert "beach.jpg" not in shown


def test_who_may_change_any_album_drains_a_worker_and_resumes_it(admin):
    assert drain(admin, "one:1").url == "/jobs/"
    assert jobs_workers.is_drained("one:1")
    assert "Paused until resumed or restarted" in page(admin)

    drain(admin, "one:1", resume="yes")
    assert not jobs_workers.is_drained("one:1")


def test_others_may_not_and_see_no_button(owner):
    assert "/jobs/workers/drain/" not in page(owner)
    assert drain(owner, "one:1").status_code in (403, 404)
    assert not jobs_workers.is_drained("one:1")


def test_a_drained_worker_takes_nothing_and_passes_its_bell_on(album, monkeypatch):
    rung = []
    monkeypatch.setattr("processing.jobs.wakeup.send", rung.append)
    monkeypatch.setattr("processing.rendering.worker.PAUSE_SECONDS", 0)
    job = making.received(Album.objects.create(title="Winter"))
    jobs_workers.heartbeat(worker.name())
    jobs_workers.drain([worker.name()])

    tasks.develop_next.call_local(job.pk)

    assert ProcessingJob.objects.get().state == JobState.PENDING
    assert rung == [job.pk]


def test_what_a_worker_has_dealt_with_is_counted(album, monkeypatch):
    monkeypatch.setattr("processing.jobs.workers._dealt_with", 0)
    monkeypatch.setattr("processing.jobs.workers._lately", type(jobs_workers._lately)())
    making.received(album)

    worker.develop_next()
    jobs_workers.heartbeat("one:1")

    assert list(jobs_workers.running().filter(name="one:1").values_list("developed", "lately")) == [(1, 1)]
