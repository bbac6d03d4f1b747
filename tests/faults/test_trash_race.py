"""A photo is restored from the trash while the sweep deletes it permanently: the first to lock its row wins."""

import json

import psycopg
import pytest

from tests import polling
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

EXPIRE = "UPDATE albums_photo SET trashed_at = now() - interval '31 days'"
RESTORE = "UPDATE albums_photo SET trashed_at = NULL"
SWEEP = "from processing.maintenance import sweep; sweep.sweep()"
WAITING_STATEMENTS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_photo_restored_while_the_sweep_waits_for_its_row_is_kept(postgresql, tmp_path):
    """On PostgreSQL, where both can run at once: SQLite has only one writer."""
    url = postgresql.new_database()
    with Installation(tmp_path, {"DATABASE_URL": url}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        installation.send(session, album, {"one.jpg": making.jpeg((500, 400))})
        installation.wait_until_idle()
        installation.stop("run_huey")
        with psycopg.connect(url) as connection:
            connection.execute(EXPIRE)
            connection.commit()
            connection.execute(RESTORE)
            with installation.background(SWEEP) as sweep:
                polling.until(
                    lambda: installation.ask(WAITING_STATEMENTS), what="the sweep does not wait for the photo"
                )
                connection.commit()
                assert sweep.wait(240) == 0

        assert installation.ask("SELECT trashed_at FROM albums_photo") == [(None,)]
        assert json.loads(installation.manage("verify", "--json").stdout)["photos"] == 1
