"""`manage.py run_huey`, one worker in a process of its own: it wakes by itself, ends politely, and is quiet."""

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
IN_WORK = "SELECT 1 FROM processing_processingjob WHERE state = 'processing'"


@pytest.fixture(params=["sqlite", "redis"])
def busy(request, tmp_path):
    """An installation whose worker is in the middle of the first of several photos: its pipeline is stopped until `release`."""
    env = {"REDIS_URL": request.getfixturevalue("redis").url} if request.param == "redis" else {}
    with Installation(tmp_path, env | {"PIPELINE_SECONDS": "600"}) as installation:
        worker = installation.start("run_huey").pid
        installation.manage("import_photos", "Summer", str(photos(tmp_path / "first", 1)), "--create", "--wait")
        [pipeline] = processes.children(worker)
        with processes.stopped(pipeline):
            installation.manage("import_photos", "Summer", str(photos(tmp_path / "others", PHOTOS - 1)))
            polling.until(lambda: installation.ask(IN_WORK), what="nothing is in work")
            yield installation


def photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(making.jpeg((900, 600)))
    return folder


def release(installation: Installation) -> None:
    """Let the pipeline go on."""
    [pipeline] = processes.children(installation.processes["run_huey"].pid)
    os.kill(pipeline, signal.SIGCONT)


def stop_at_work(installation: Installation) -> int:
    """Ask the worker to end while it is in the middle of a photo; its exit status."""
    worker = installation.processes["run_huey"]
    worker.terminate()
    release(installation)
    status = worker.wait(240)
    installation.kill("run_huey")
    return status


@pytest.mark.embedded  # rclone refuses to list uploads in parts when there are none, and the sweep warns of it
def test_it_finishes_what_it_has_begun_and_says_nothing(busy):
    assert stop_at_work(busy) == 0

    status = busy.status()
    assert (status["jobs"]["processing"], status["jobs"]["failed"], status["workers"]) == (0, 0, 0)
    assert busy.log.read_text() == ""


def test_the_next_worker_goes_on_where_it_ended(busy):
    stop_at_work(busy)
    busy.start("run_huey")

    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")


def test_what_a_killed_worker_had_is_done_by_the_next(busy):
    busy.kill("run_huey")
    busy.start("run_huey")

    # Its lease runs out first: a minute by the clock, unless the clock is told.
    aftermath.expire_claims(busy)
    busy.manage("sweep")
    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")
