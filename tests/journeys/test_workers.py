"""The workers on the queue page, and the permission to drain them."""

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


def drain(user, name: str, **form_fields):
    return client_of(user).post("/jobs/workers/drain/", {"worker": name, **form_fields})


@pytest.fixture(autouse=True)
def workers():
    for name in ("one:1", "two:2"):
        jobs_workers.heartbeat(name)


def test_each_worker_is_shown_with_its_job(album, owner):
    making.received(album, name="beach.jpg")
    jobs.claim_next("one:1")

    text = page(owner)

    assert f'Processing beach.jpg in <a href="{album.get_absolute_url()}">Summer</a>' in text
    assert len(re.findall(r"\d+ jobs?/min · version ", text)) == 2
    assert "Idle" in text


def test_photos_and_albums_of_another_user_are_not_named(album, stranger):
    making.received(album, name="beach.jpg")
    jobs.claim_next("one:1")

    text = page(stranger)

    assert "Processing a photo" in text
    assert "beach.jpg" not in text


def test_an_album_admin_can_drain_and_resume_a_worker(admin):
    assert drain(admin, "one:1").url == "/jobs/"
    assert jobs_workers.is_drained("one:1")
    assert "Paused until resumed or restarted" in page(admin)

    drain(admin, "one:1", resume="yes")
    assert not jobs_workers.is_drained("one:1")


def test_other_users_cannot_drain_a_worker_and_see_no_button(owner):
    assert "/jobs/workers/drain/" not in page(owner)
    assert drain(owner, "one:1").status_code in (403, 404)
    assert not jobs_workers.is_drained("one:1")


def test_a_drained_worker_claims_no_job_and_passes_on_its_wakeup(album, monkeypatch):
    woken_jobs = []
    monkeypatch.setattr("processing.jobs.wakeup.send", woken_jobs.append)
    monkeypatch.setattr("processing.rendering.worker.PAUSE_SECONDS", 0)
    job = making.received(Album.objects.create(title="Winter"))
    jobs_workers.heartbeat(worker.name())
    jobs_workers.drain([worker.name()])

    tasks.develop_next.call_local(job.pk)

    assert ProcessingJob.objects.get().state == JobState.PENDING
    assert woken_jobs == [job.pk]


def test_jobs_that_a_worker_has_processed_are_counted(album, monkeypatch):
    monkeypatch.setattr("processing.jobs.workers._dealt_with", 0)
    monkeypatch.setattr("processing.jobs.workers._lately", type(jobs_workers._lately)())
    making.received(album)

    worker.develop_next()
    jobs_workers.heartbeat("one:1")

    assert list(jobs_workers.running().filter(name="one:1").values_list("developed", "lately")) == [(1, 1)]
