"""A disk that is really full, and work that goes on by itself when it is not any more."""

import io
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests import polling
from tests.faults.aftermath import QUICK
from tests.installation import Installation

pytestmark = pytest.mark.faults

SMALL = {**QUICK, "MIN_FREE_SPACE": "2M", "LEASE_SECONDS": "5", "MAX_ATTEMPTS": "1000"}
"""A worker that cannot write a single row cannot give its job back: its lease must run out. It does no harm earlier."""
PHOTOS = 4


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of 60 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Take the room of the disk up but for so many bytes."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return ballast


def photos(count: int = PHOTOS, size: tuple[int, int] = (1600, 1200), quality: int = 60) -> dict[str, bytes]:
    """Grainy ones, whose renditions take room."""
    return {f"{number}.jpg": grainy(size, quality) for number in range(count)}


def grainy(size: tuple[int, int], quality: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def met(installation: Installation, code: str) -> int:
    """How many times an attempt ended so."""
    with closing(sqlite3.connect(installation.data_dir / "db.sqlite3")) as database:
        return int(database.execute("SELECT COUNT(*) FROM processing_jobevent WHERE code = ?", [code]).fetchone()[0])


def test_a_full_disk_refuses_what_is_sent_and_takes_it_when_there_is_room(disk):
    with Installation(disk, SMALL) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        ballast = fill(disk, leave=1 << 20)

        full = installation.send(session, album, photos())
        ballast.unlink()
        roomy = installation.send(session, album, photos())

        assert (full.status_code, full.json()["error"], roomy.status_code) == (507, "disk-full", 200)
        assert list((installation.data_dir / "incoming").glob("*.part")) == []
        assert installation.status()["uploads"]["receiving"] == 0


def test_photos_wait_for_room_and_none_fails(disk):
    with Installation(disk, SMALL) as installation:
        installation.start("serve")
        session = installation.sign_in()
        installation.send(session, installation.new_album(session, "Summer"), photos())
        ballast = fill(disk, leave=200 << 10)
        installation.start("run_huey")

        polling.until(lambda: "Processing is paused" in installation.log.read_text())
        waiting = installation.status()
        ballast.unlink()
        done = installation.wait_until_idle()

        assert (waiting["pressure"], waiting["jobs"]["pending"], waiting["jobs"]["failed"]) == ("disk-full", PHOTOS, 0)
        assert (done["photos"], done["pressure"]) == (PHOTOS, None)
        installation.manage("verify")


@pytest.mark.embedded
def test_a_disk_that_fills_up_at_work_loses_nothing(disk):
    """There is room for rows, and less than one rendition needs: smaller files would let the database fill the disk first."""
    with Installation(disk, SMALL | {"MIN_FREE_SPACE": "0", "RENDITION_EDGES": "2560"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        large = photos(size=(3000, 2000), quality=92)
        installation.send(session, installation.new_album(session, "Summer"), large)
        ballast = fill(disk, leave=2 << 20)
        installation.start("run_huey")

        polling.until(lambda: met(installation, "disk-full"))
        ballast.unlink()
        done = installation.wait_until_idle()

        assert (done["photos"], done["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("sweep")
        installation.manage("verify")


@pytest.mark.embedded
def test_a_disk_without_room_for_a_single_row_loses_nothing(disk):
    with Installation(disk, SMALL | {"MIN_FREE_SPACE": "0"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        installation.send(session, installation.new_album(session, "Summer"), photos())
        other = installation.new_album(session, "Winter")
        ballast = fill(disk, leave=0)
        installation.start("run_huey")
        polling.until(lambda: "OperationalError" in installation.log.read_text())

        full = installation.send(session, other, photos(1))
        ballast.unlink()
        done = installation.wait_until_idle()

        assert full.status_code in (503, 507)
        assert (done["photos"], done["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("sweep")
        installation.manage("verify")


def test_a_worker_that_starts_while_incoming_is_away_waits_for_it(tmp_path):
    """And no process makes a new one: below a mount point that would look as if all raw files were lost."""
    with Installation(tmp_path, QUICK) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album, other = (installation.new_album(session, title) for title in ("Summer", "Winter"))
        installation.send(session, album, photos())
        incoming, elsewhere = installation.data_dir / "incoming", installation.data_dir / "elsewhere"
        incoming.rename(elsewhere)
        installation.start("run_huey")
        polling.until(lambda: "Processing is paused" in installation.log.read_text())

        refused = installation.send(session, other, photos(1))
        waiting = installation.status()
        elsewhere.rename(incoming)
        done = installation.wait_until_idle()

        assert (refused.status_code, refused.json()["error"], waiting["pressure"]) == (503, *["storage-away"] * 2)
        assert (done["photos"], done["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("verify")
