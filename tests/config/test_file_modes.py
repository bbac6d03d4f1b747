"""File modes in DATA_DIR, with any umask of the process that writes the files."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks

from config import database, file_modes

# Processes of their own create all tables: 20 s each next to other work.
pytestmark = pytest.mark.timeout(300)

MANAGE = Path(__file__).parents[2] / "manage.py"
SQLITE = [f"{name}.sqlite3{ending}" for name in ("db", "huey") for ending in ("", "-shm", "-wal")]
PRIVATE = [*SQLITE, "first_user_link", "secret_key"]
NOBODY, PROXY = 65534, 64000
"""A user and a group that own no other file of the test."""
WORK = """
import os, pathlib
from django.core.management import call_command
call_command("migrate", verbosity=0)
from config.accounts import first_user
first_user.link()
from processing.tasks import develop_next
develop_next()
from processing.storage import store
receiving = store().receive("incoming/a.jpg")
receiving.write(b"a photo")
receiving.commit()
store().copy_or_link("incoming/a.jpg", "originals/ab/a.jpg")
growing = store().grow("incoming/b.jpg")
growing.fence()
growing.append(b"half of a photo")
growing.close()
data_dir = pathlib.Path(os.environ["DATA_DIR"])
for path in sorted(data_dir.rglob("*")):
    print(oct(path.stat().st_mode)[-3:], path.relative_to(data_dir))
"""


def modes_after(data_dir: Path, umask: int) -> dict[str, str]:
    """Runs WORK, and returns the mode of each file and directory below DATA_DIR, by name."""
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)}
    completed = subprocess.run(
        [sys.executable, str(MANAGE), "shell", "--no-imports", "-c", WORK],
        env=env, umask=umask, capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    return {name: mode for mode, name in (line.split(" ", 1) for line in completed.stdout.splitlines())}


@pytest.mark.embedded
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_with_any_umask_the_group_can_read_photos_and_others_nothing(tmp_path, umask):
    modes = modes_after(tmp_path / "data", umask)

    assert {name: modes.pop(name) for name in PRIVATE} == dict.fromkeys(PRIVATE, "600")
    assert modes.pop("incoming/b.jpg.fence") == "600"
    directories = {"incoming", "originals", "renditions", "originals/ab"}
    assert {name: modes.pop(name) for name in directories} == dict.fromkeys(directories, "750")
    assert modes == dict.fromkeys(["incoming/a.jpg", "incoming/b.jpg.part", "originals/ab/a.jpg"], "640")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.embedded
def test_a_stricter_umask_is_respected(tmp_path):
    assert {mode[1:] for mode in modes_after(tmp_path / "data", 0o077).values()} == {"00"}


@pytest.mark.embedded
def test_files_left_readable_by_an_earlier_version_are_made_private_at_the_start(tmp_path):
    modes_after(tmp_path, 0o022)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection, connection:
        connection.execute("CREATE TABLE kept (id)")  # creates SQLite's -wal and -shm before the next process starts
        for path in tmp_path.iterdir():
            path.chmod(0o755 if path.is_dir() else 0o644)
        (tmp_path / "db.sqlite3-journal").touch(0o644)

        modes = modes_after(tmp_path, 0o022)

    assert {name: modes[name] for name in PRIVATE} == dict.fromkeys(PRIVATE, "600")
    assert modes["db.sqlite3-journal"] == "600"


def test_a_database_outside_the_data_directory_is_made_private(tmp_path):
    path = tmp_path / "elsewhere.sqlite3"
    (file,) = database.files(database.options(f"sqlite:///{path}", pool=4))
    path.touch()
    path.chmod(0o664)

    file_modes.tighten(tmp_path / "data", file)

    assert (file, stat.S_IMODE(path.stat().st_mode)) == (path, 0o600)


@pytest.mark.parametrize("url", ["sqlite://:memory:", "postgres://nowhere.invalid/darkroom"])
def test_a_database_without_files_has_none_to_make_private(url):
    assert database.files(database.options(url, pool=4)) == []


def test_a_symbolic_link_is_not_followed(tmp_path):
    """A process that can write to DATA_DIR must not make a command of root change any file of the system."""
    target = tmp_path / "target"
    target.touch(0o644)
    target.chmod(0o644)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/db.sqlite3").symlink_to(target)

    file_modes.tighten(tmp_path / "data")

    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert file_modes.readable(tmp_path / "data") == [tmp_path / "data/db.sqlite3"]


def test_making_a_file_private_keeps_the_locks_of_an_open_database(tmp_path):
    """Closing any descriptor of a file would drop the locks (POSIX), and two processes could write at once."""
    path = tmp_path / "db.sqlite3"
    script = f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    with closing(sqlite3.connect(path, isolation_level=None, factory=file_modes.PrivateConnection)) as holder:
        holder.execute("BEGIN EXCLUSIVE")

        file_modes.tighten(tmp_path)
        sqlite3.connect(path, factory=file_modes.PrivateConnection).close()
        completed = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
        )

    assert "database is locked" in completed.stderr


def message_ids() -> set[str]:
    return {message.id for message in run_checks(tags=[Tags.security])}


@pytest.mark.parametrize("mode", [0o701, 0o702, 0o704, 0o711, 0o755])
def test_any_access_of_others_to_the_data_directory_is_reported(data_dir, mode):
    data_dir.chmod(mode)

    assert message_ids() == {"darkroom.W001"}


@pytest.mark.parametrize("mode", [0o700, 0o710, 0o750])
def test_access_of_the_proxys_group_is_not_reported(data_dir, mode):
    data_dir.chmod(mode)

    assert message_ids() == set()


@pytest.mark.parametrize("name", ["db.sqlite3", "db.sqlite3-wal", "huey.sqlite3", "huey.sqlite3-shm", "secret_key"])
def test_a_secret_that_the_group_can_read_is_reported(data_dir, name):
    (data_dir / name).touch()
    (data_dir / name).chmod(0o640)

    assert message_ids() == {"darkroom.W002"}


@pytest.fixture
def reachable_directory() -> Iterator[Path]:
    """A directory that other users can reach, unlike pytest's temporary directories."""
    path = Path(tempfile.mkdtemp(prefix="darkroom-modes-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def can_read(path: Path, *, group: int) -> bool:
    completed = subprocess.run(
        ["/bin/cat", str(path)], user=NOBODY, group=group, extra_groups=[], capture_output=True, check=False
    )
    return completed.returncode == 0


@pytest.mark.embedded
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")
def test_the_proxys_user_can_read_photos_but_not_the_database_or_secrets(reachable_directory):
    data = reachable_directory / "data"
    modes_after(data, 0o022)
    photo = data / "originals/ab/a.jpg"
    secrets = [data / name for name in PRIVATE if (data / name).exists()]
    for path in (data, *data.rglob("*")):  # like Group= in a systemd unit
        os.chown(path, -1, PROXY)
    data.chmod(0o710)

    assert can_read(photo, group=PROXY)
    assert [path.name for path in secrets if can_read(path, group=PROXY)] == []
    assert [path.name for path in (photo, *secrets) if can_read(path, group=NOBODY)] == []
    assert len(secrets) >= 4
