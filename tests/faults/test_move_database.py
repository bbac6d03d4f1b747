"""manage.py move_database, from a real SQLite installation to a real PostgreSQL."""

import json
from typing import Any

import pytest

from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

PHOTOS = 3
# What commands change themselves, and what migrate makes in the order it likes.
NOT_COMPARED = ("processing.workerpulse", "processing.round", "contenttypes", "auth.permission")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """With photos, a failed file and words that only SQLite would keep."""
    directory = tmp_path_factory.mktemp("moved")
    with Installation(directory) as installation:
        folder = directory / "photos"
        folder.mkdir()
        for number in range(PHOTOS):
            (folder / f"{number}.jpg").write_bytes(making.jpeg())
        (folder / "notes.jpg").write_bytes(b"no picture at all")
        installation.start("run_huey")
        installation.manage("import_photos", "Summer", str(folder), "--create", "--wait", status=1)
        installation.stop("run_huey")
        installation.manage("shell", "-c", WITH_NUL)
        yield installation


def test_everything_comes_across_and_work_goes_on_there(installation, postgresql, tmp_path):
    there = {"DATABASE_URL": postgresql.new_database()}
    before = dumped(installation)

    told = installation.manage("move_database", there["DATABASE_URL"]).stdout

    after = dumped(installation, there)
    assert after == json.loads(json.dumps(before).replace("\\u0000", ""))
    assert f"albums_photo: {PHOTOS}\n" in told
    assert "rows; all counts match." in told
    assert f"{PHOTOS} photos: database and files match." in told

    (tmp_path / "one.jpg").write_bytes(making.jpeg())
    installation.start("run_huey", env=there)
    installation.manage("import_photos", "Summer", str(tmp_path / "one.jpg"), "--wait", env=there)
    assert json.loads(installation.manage("verify", "--json", env=there).stdout)["photos"] == PHOTOS + 1


def test_it_is_refused_where_it_would_do_harm(installation, postgresql):
    url = postgresql.new_database()

    installation.start("serve")
    assert "Darkroom is running" in refused(installation, url)
    installation.stop("serve")

    assert "not PostgreSQL" in refused(installation, "sqlite:////tmp/other.sqlite3")
    installation.manage("move_database", url, "--no-verify")
    assert "The target is not empty" in refused(installation, url)


def refused(installation: Installation, url: str) -> str:
    return installation.manage("move_database", url, status=1).stderr


def dumped(installation: Installation, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    excluded = [word for name in NOT_COMPARED for word in ("--exclude", name)]
    return json.loads(installation.manage("dumpdata", "--all", *excluded, env=env).stdout)


WITH_NUL = """
from albums.models import Photo
Photo.objects.update(caption="a" + chr(0) + "b", keywords=["c" + chr(0), "ü"])
"""
