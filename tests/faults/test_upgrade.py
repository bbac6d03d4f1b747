"""Data of the version before modules moved to packages: `git pull && make run` must continue with it.

`data_before_packages/` is the DATA_DIR of that version: SQL dumps of the database and of the queue, the secret key that
signs messages and sessions, and the files of two photos, a failed job, a pending job and an upload that has arrived in part.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.installation import Installation, token

pytestmark = [pytest.mark.faults, pytest.mark.embedded]

DATA = Path(__file__).parent / "data_before_packages"
PURPLE = "7c6134ed-596c-4413-9281-7e0ad7e1d541"
"""An upload with 300 bytes received."""
AN_HOUR_AHEAD = "UPDATE processing_upload SET expires_at = datetime('now', '+1 hour') WHERE state = 'receiving'"
PHOTOS = "SELECT name FROM albums_photo ORDER BY name"
FAILED = "SELECT original_filename FROM processing_processingjob WHERE state = 'failed'"


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Installation]:
    """The data of the earlier version, with the processes of this one."""
    with Installation(tmp_path) as installation:
        shutil.copytree(DATA, installation.data_dir, dirs_exist_ok=True)
        for name in ("db", "huey"):
            for file in installation.data_dir.glob(f"{name}.sqlite3*"):
                file.unlink()
            with closing(sqlite3.connect(installation.data_dir / f"{name}.sqlite3")) as database:
                database.executescript((installation.data_dir / f"{name}.sql").read_text())
        installation.change(AN_HOUR_AHEAD)
        installation.start("run")
        yield installation


def test_an_upgraded_installation_continues_where_the_earlier_version_stopped(upgraded: Installation) -> None:
    session = upgraded.sign_in()
    upgraded.wait_until_idle()

    assert upgraded.ask(PHOTOS) == [("green.jpg",), ("red.jpg",), ("yellow.jpg",)]
    assert upgraded.ask(FAILED) == [("broken.jpg",)]
    assert "red.jpg" in page(upgraded, session, "/albums/1/")
    assert "broken.jpg" in page(upgraded, session, "/failures/")

    resume(upgraded, session, (DATA / "purple.jpg").read_bytes())
    upgraded.wait_until_idle()

    assert ("purple.jpg",) in upgraded.ask(PHOTOS)
    verified = json.loads(upgraded.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["corrupt"], verified["orphans"]) == ([], [], [])
    assert "Traceback" not in upgraded.log.read_text()


def page(installation: Installation, session: requests.Session, path: str) -> str:
    response = session.get(installation.url + path, timeout=60)
    assert response.status_code == 200
    return response.text


def resume(installation: Installation, session: requests.Session, content: bytes) -> None:
    """Ask for the offset, and send the rest of the file from there."""
    address, headers = f"{installation.url}/uploads/{PURPLE}/", {"Tus-Resumable": "1.0.0"}
    offset = session.head(address, headers=headers, timeout=60).headers["Upload-Offset"]
    assert offset == "300"
    headers |= {
        "Upload-Offset": offset,
        "Content-Type": "application/offset+octet-stream",
        "X-CSRFToken": token(session),
    }
    response = session.patch(address, content[300:], headers=headers, timeout=60)
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, str(len(content)))
