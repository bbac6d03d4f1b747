"""manage.py move_database, from a real SQLite installation to a real PostgreSQL."""

import json
from typing import Any

import pytest

from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

PHOTOS = 3
# Rows that commands change, and rows that migrate creates in any order.
NOT_COMPARED = ("processing.workerpulse", "processing.round", "contenttypes", "auth.permission")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """An installation with photos, a failed file, and texts with NUL, which only SQLite can store."""
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


def test_all_rows_are_moved_and_processing_continues_on_postgresql(installation, postgresql, tmp_path):
    target = {"DATABASE_URL": postgresql.new_database()}
    before = dump_data(installation)

    output = installation.manage("move_database", target["DATABASE_URL"]).stdout

    after = dump_data(installation, target)
    assert after == json.loads(json.dumps(before).replace("\\u0000", ""))
    assert f"albums_photo: {PHOTOS}\n" in output
    assert "rows; all counts match." in output
    assert f"{PHOTOS} photos: database and files match." in output

    (tmp_path / "one.jpg").write_bytes(making.jpeg())
    installation.start("run_huey", env=target)
    installation.manage("import_photos", "Summer", str(tmp_path / "one.jpg"), "--wait", env=target)
    assert json.loads(installation.manage("verify", "--json", env=target).stdout)["photos"] == PHOTOS + 1


def test_the_move_is_refused_while_darkroom_runs_and_to_an_unsuitable_target(installation, postgresql):
    url = postgresql.new_database()

    installation.start("serve")
    assert "Darkroom is running" in rejection(installation, url)
    installation.stop("serve")

    assert "not PostgreSQL" in rejection(installation, "sqlite:////tmp/other.sqlite3")
    installation.manage("move_database", url, "--no-verify")
    assert "The target is not empty" in rejection(installation, url)


def rejection(installation: Installation, url: str) -> str:
    return installation.manage("move_database", url, status=1).stderr


def dump_data(installation: Installation, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    excluded = [argument for name in NOT_COMPARED for argument in ("--exclude", name)]
    return json.loads(installation.manage("dumpdata", "--all", *excluded, env=env).stdout)


WITH_NUL = """
from albums.models import Photo
Photo.objects.update(caption="a" + chr(0) + "b", keywords=["c" + chr(0), "ü"])
"""
