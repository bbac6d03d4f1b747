"""The secrets that an installation generates for itself."""

import stat
import subprocess
import sys

import pytest

from config import secrets

PRINT_SECRET = (
    "import sys, pathlib; from config import secrets; print(secrets.read_or_create(pathlib.Path(sys.argv[1])))"
)


def test_a_secret_is_created_once_and_kept(tmp_path):
    path = tmp_path / "deep" / "key"

    first = secrets.read_or_create(path)

    assert len(first) >= 50
    assert secrets.read_or_create(path) == first
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_only_its_owner_can_read_a_secret(tmp_path):
    secrets.read_or_create(tmp_path / "key")

    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_two_installations_have_different_secrets(tmp_path):
    assert secrets.read_or_create(tmp_path / "one") != secrets.read_or_create(tmp_path / "two")


@pytest.mark.parametrize("_", range(3))
def test_processes_started_at_the_same_time_get_the_same_secret(tmp_path, _):
    command = [sys.executable, "-c", PRINT_SECRET, str(tmp_path / "deep" / "key")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]

    printed_secrets = {process.communicate(timeout=60)[0].strip() for process in processes}

    assert printed_secrets == {(tmp_path / "deep" / "key").read_text()}
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["key"]
