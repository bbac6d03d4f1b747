"""A photo is put back at the very moment the sweep deletes it for ever: the first to have its row wins, wholly."""

import json

import psycopg
import pytest

from tests import polling
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

OLD = "UPDATE albums_photo SET trashed_at = now() - interval '31 days'"
PUT_BACK = "UPDATE albums_photo SET trashed_at = NULL"
SWEEP = "from processing.maintenance import sweep; sweep.sweep()"
WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_photo_that_is_put_back_just_in_time_stays_whole(postgresql, tmp_path):
    """On PostgreSQL, where both can be under way at once: SQLite has one writer."""
    url = postgresql.new_database()
    with Installation(tmp_path, {"DATABASE_URL": url}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        installation.send(session, album, {"one.jpg": making.jpeg((500, 400))})
        installation.wait_until_idle()
        installation.stop("run_huey")
        with psycopg.connect(url) as person:
            person.execute(OLD)
            person.commit()
            person.execute(PUT_BACK)
            with installation.background(SWEEP) as sweep:
                polling.until(lambda: installation.ask(WAITS), what="the sweep does not wait for the photo")
                person.commit()
                assert sweep.wait(240) == 0

        assert installation.ask("SELECT trashed_at FROM albums_photo") == [(None,)]
        assert json.loads(installation.manage("verify", "--json").stdout)["photos"] == 1
