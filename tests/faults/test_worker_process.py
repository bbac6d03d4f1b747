"""`manage.py run_huey`, one worker in a process of its own: it wakes by itself, ends politely, and is quiet."""

import signal

import pytest

from tests import polling
from tests.installation import Installation
from tests.processing import making

pytestmark = pytest.mark.faults

PHOTOS = 4


@pytest.fixture(params=["sqlite", "redis"])
def busy(request, tmp_path):
    """An installation whose worker has just begun with the first of several large photos."""
    env = {"REDIS_URL": request.getfixturevalue("redis").url} if request.param == "redis" else {}
    with Installation(tmp_path, env) as installation:
        folder = tmp_path / "photos"
        folder.mkdir()
        for number in range(PHOTOS):
            (folder / f"{number}.jpg").write_bytes(making.jpeg((5000, 4000)))
        installation.manage("import_photos", "Summer", str(folder), "--create")
        installation.start("run_huey")
        polling.until(lambda: any((installation.data_dir / "incoming").glob("*.work")), what="nothing is in work")
        yield installation


@pytest.mark.embedded  # rclone refuses to list uploads in parts when there are none, and the sweep warns of it
def test_it_finishes_what_it_has_begun_and_says_nothing(busy):
    assert busy.stop("run_huey", signal.SIGTERM) == 0

    status = busy.status()
    assert (status["jobs"]["processing"], status["jobs"]["failed"], status["workers"]) == (0, 0, 0)
    assert busy.log.read_text() == ""


def test_the_next_worker_goes_on_where_it_ended(busy):
    busy.stop("run_huey")
    busy.start("run_huey")

    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")


def test_what_a_killed_worker_had_is_done_by_the_next(busy):
    busy.kill("run_huey")
    busy.start("run_huey")

    # Its lease runs out first: a minute by the clock, unless the clock is told.
    busy.manage("shell", "-c", LEASES_END)
    busy.manage("sweep")
    assert busy.wait_until_idle()["photos"] == PHOTOS
    busy.manage("verify")


LEASES_END = (
    "from django.utils import timezone; from processing.models import ProcessingJob; "
    "ProcessingJob.objects.in_work().update(lease_until=timezone.now())"
)
