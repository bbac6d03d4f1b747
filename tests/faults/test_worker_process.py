"""`manage.py run_huey`, a worker process: it ends after its current job, and its successor continues."""

import os
import signal
from pathlib import Path

import pytest

from tests import polling
from tests.faults import aftermath
from tests.installation import Installation
from tests.processing import making
from tests.support import processes

pytestmark = pytest.mark.faults

PHOTOS = 4
PROCESSING_JOB = "SELECT 1 FROM processing_processingjob WHERE state = 'processing'"


@pytest.fixture(params=["sqlite", "redis"])
def busy(request, tmp_path):
    """An installation whose worker is processing the first of several photos: its pipeline is stopped until `release`."""
    env = {"REDIS_URL": request.getfixturevalue("redis").url} if request.param == "redis" else {}
    with Installation(tmp_path, env | {"PIPELINE_SECONDS": "600", "SWEEP_SECONDS": "3600"}) as installation:
        worker = installation.start("run_huey").pid
        installation.manage("import_photos", "Summer", str(photos(tmp_path / "first", 1)), "--create", "--wait")
        [pipeline] = processes.children(worker)
        with processes.stopped(pipeline):
            installation.manage("import_photos", "Summer", str(photos(tmp_path / "others", PHOTOS - 1)))
            polling.until(lambda: installation.ask(PROCESSING_JOB), what="no job is being processed")
            yield installation


def photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(making.jpeg((900, 600)))
    return folder


def release(installation: Installation) -> None:
    """Continue the pipeline."""
    [pipeline] = processes.children(installation.processes["run_huey"].pid)
    os.kill(pipeline, signal.SIGCONT)


def stop_at_work(installation: Installation) -> int:
    """Terminate the worker while it processes a photo, and return its exit status."""
    worker = installation.processes["run_huey"]
    worker.terminate()
    release(installation)
    status = worker.wait(240)
    installation.kill("run_huey")
    return status


@pytest.mark.embedded  # rclone fails to list multipart uploads when none exists, and the sweep logs a warning
def test_a_terminated_worker_finishes_its_job_and_logs_nothing(busy):
    assert stop_at_work(busy) == 0

    status = busy.status()
    assert (status["jobs"]["processing"], status["jobs"]["failed"], status["workers"]) == (0, 0, 0)
    assert busy.log.read_text() == ""


def test_the_next_worker_continues_after_a_terminated_one(busy):
    stop_at_work(busy)
    busy.start("run_huey")

    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")


def test_the_job_of_a_killed_worker_is_done_by_the_next(busy):
    busy.kill("run_huey")
    busy.start("run_huey")

    # The lease must expire first, which would take a minute.
    aftermath.expire_claims(busy)
    busy.manage("sweep")
    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")
