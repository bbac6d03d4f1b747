"""Whether a process still uses the database that is to be moved. Darkroom's processes hide their open files."""

import os
import sqlite3
import subprocess
import sys

import pytest

from config.operations import sqlite_to_postgres

USER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM t")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path):
    file = tmp_path / "db.sqlite3"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    return file


@pytest.mark.parametrize("sees_open_files", [True, False])
def test_another_process_with_the_database_open_is_found(database, monkeypatch, sees_open_files):
    if not sees_open_files:
        monkeypatch.setattr(sqlite_to_postgres, "_has_open", lambda *_: False)
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        user.stdout.readline()

        with pytest.raises(sqlite_to_postgres.CannotMove, match=f"process {user.pid}"):
            sqlite_to_postgres.require_unused(database)
        user.communicate()

    sqlite_to_postgres.require_unused(database)


def test_the_processs_own_connection_does_not_count_as_use(database):
    connection = sqlite3.connect(database)
    connection.execute("SELECT * FROM t")

    sqlite_to_postgres.require_unused(database)

    assert sqlite_to_postgres._lockers(database) == {str(os.getpid())}
    connection.close()
