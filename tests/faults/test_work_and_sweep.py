"""Sweeps, duplicate messages and two workers during an upload: every photo is made once, in the first attempt."""

import sqlite3
from contextlib import closing

import pytest

from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import QUICK, Figures
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

PHOTOS = 30
NO_GRACE = {"ORPHAN_GRACE_SECONDS": "0", "SWEEP_SECONDS": "1", "LEASE_SECONDS": "600"}
SWEEP_AND_SEND = """
from pathlib import Path
from processing.jobs import wakeup
from processing.maintenance import sweep
from processing.models import ProcessingJob
while True:
    sweep.sweep()
    Path("{began}").touch()
    for pk in ProcessingJob.objects.due().values_list("pk", flat=True)[:5]:
        wakeup.send(pk)
        wakeup.send(pk)
"""
RETRIES = "SELECT code, detail FROM processing_jobevent WHERE edge = 'retry'"
TRANSITIONS = "SELECT edge, count(*) FROM processing_jobevent GROUP BY edge"


@pytest.fixture(params=["sqlite", pytest.param("postgresql and redis", marks=pytest.mark.smoke)])
def installation(request, tmp_path):
    env = dict(NO_GRACE)
    if request.param != "sqlite":
        env["DATABASE_URL"] = request.getfixturevalue("postgresql").new_database()
        env["REDIS_URL"] = request.getfixturevalue("redis").url
    with Installation(tmp_path, env) as installation:
        yield installation


def test_continuous_sweeps_and_duplicate_messages_disturb_no_active_job(installation, tmp_path):
    installation.start("serve")
    installation.start("run_huey", "one worker")
    installation.start("run_huey", "another worker")
    session = installation.sign_in()
    albums = [installation.new_album(session, title) for title in ("Summer", "Winter")]
    sent = set()

    began = tmp_path / "began"
    with installation.background(SWEEP_AND_SEND.format(began=began)) as sweeping:
        polling.until(began.exists, what="no sweep runs")
        for album in albums:
            photos = {f"{number}.jpg": making.jpeg((900, 600)) for number in range(PHOTOS // 2)}
            assert installation.send(session, album, photos).ok
            sent |= aftermath.sent_to(album, photos.values())
        aftermath.settle(installation)
        assert sweeping.poll() is None

    assert aftermath.figures(installation, sent, sent) == Figures(PHOTOS, PHOTOS, PHOTOS, failed=0)
    assert installation.ask(RETRIES) == []
    assert dict(installation.ask(TRANSITIONS)) == {"create": PHOTOS, "claim": PHOTOS, "complete": PHOTOS}


@pytest.mark.embedded
def test_lost_messages_to_workers_are_sent_again(tmp_path):
    with Installation(tmp_path, QUICK) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        photos = {f"{number}.jpg": making.jpeg() for number in range(5)}
        assert installation.send(session, album, photos).ok
        with closing(sqlite3.connect(installation.data_dir / "huey.sqlite3")) as queue, queue:
            assert queue.execute("DELETE FROM task").rowcount == 5

        installation.start("run_huey")

        aftermath.settle(installation)
        sent = aftermath.sent_to(album, photos.values())
        assert aftermath.figures(installation, sent, sent) == Figures(5, 5, 5, failed=0)
