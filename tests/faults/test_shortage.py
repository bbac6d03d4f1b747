"""A real full disk: processing resumes without intervention when space is free again."""

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

SETTINGS = {**QUICK, "MIN_FREE_SPACE": "2M", "LEASE_SECONDS": "5", "MAX_ATTEMPTS": "1000"}
"""A worker that cannot write a row cannot give its job back, so the lease must expire. An earlier expiry does no harm."""
PHOTOS = 4


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of 60 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", path], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip("only root can mount a file system")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Fill the disk except for `leave` bytes."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)
    return ballast


def photos(count: int = PHOTOS, size: tuple[int, int] = (1600, 1200), quality: int = 60) -> dict[str, bytes]:
    """Photos with noise, which makes their renditions large."""
    return {f"{number}.jpg": noisy_photo(size, quality) for number in range(count)}


def noisy_photo(size: tuple[int, int], quality: int) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


def attempts_ended_by(installation: Installation, code: str) -> int:
    """Return how many attempts ended with this code."""
    with closing(sqlite3.connect(installation.data_dir / "db.sqlite3")) as database:
        return int(database.execute("SELECT COUNT(*) FROM processing_jobevent WHERE code = ?", [code]).fetchone()[0])


def test_a_full_disk_rejects_uploads_until_space_is_free(disk):
    with Installation(disk, SETTINGS) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        ballast = fill(disk, leave=1 << 20)

        rejected = installation.send(session, album, photos())
        ballast.unlink()
        accepted = installation.send(session, album, photos())

        assert (rejected.status_code, rejected.json()["error"], accepted.status_code) == (507, "disk-full", 200)
        assert list((installation.data_dir / "incoming").glob("*.part")) == []
        assert installation.status()["uploads"]["receiving"] == 0


def test_jobs_wait_for_disk_space_and_none_fails(disk):
    with Installation(disk, SETTINGS) as installation:
        installation.start("serve")
        session = installation.sign_in()
        installation.send(session, installation.new_album(session, "Summer"), photos())
        ballast = fill(disk, leave=200 << 10)
        installation.start("run_huey")

        polling.until(lambda: "Processing is paused" in installation.log.read_text())
        paused_status = installation.status()
        ballast.unlink()
        final_status = installation.wait_until_idle()

        assert (paused_status["pressure"], paused_status["jobs"]["pending"], paused_status["jobs"]["failed"]) == (
            "disk-full",
            PHOTOS,
            0,
        )
        assert (final_status["photos"], final_status["pressure"]) == (PHOTOS, None)
        installation.manage("verify")


@pytest.mark.embedded
def test_a_disk_that_fills_up_during_processing_loses_nothing(disk):
    """Leaves room for rows, and less than one rendition needs: smaller files would let the database fill the disk first."""
    with Installation(disk, SETTINGS | {"MIN_FREE_SPACE": "0", "RENDITION_EDGES": "2560"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        large = photos(size=(3000, 2000), quality=92)
        installation.send(session, installation.new_album(session, "Summer"), large)
        ballast = fill(disk, leave=2 << 20)
        installation.start("run_huey")

        polling.until(lambda: attempts_ended_by(installation, "disk-full"))
        ballast.unlink()
        final_status = installation.wait_until_idle()

        assert (final_status["photos"], final_status["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("sweep")
        installation.manage("verify")


@pytest.mark.embedded
def test_a_disk_without_space_for_a_single_row_loses_nothing(disk):
    with Installation(disk, SETTINGS | {"MIN_FREE_SPACE": "0"}) as installation:
        installation.start("serve")
        session = installation.sign_in()
        installation.send(session, installation.new_album(session, "Summer"), photos())
        other_album = installation.new_album(session, "Winter")
        ballast = fill(disk, leave=0)
        installation.start("run_huey")
        polling.until(lambda: "OperationalError" in installation.log.read_text())

        rejected = installation.send(session, other_album, photos(1))
        ballast.unlink()
        final_status = installation.wait_until_idle()

        assert rejected.status_code in (503, 507)
        assert (final_status["photos"], final_status["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("sweep")
        installation.manage("verify")


def test_a_worker_that_starts_without_the_incoming_directory_waits_for_it(tmp_path):
    """No process creates the directory: if it is a mount point, all raw files would seem to be lost."""
    with Installation(tmp_path, QUICK) as installation:
        installation.start("serve")
        session = installation.sign_in()
        album, other_album = (installation.new_album(session, title) for title in ("Summer", "Winter"))
        installation.send(session, album, photos())
        incoming, elsewhere = installation.data_dir / "incoming", installation.data_dir / "elsewhere"
        incoming.rename(elsewhere)
        installation.start("run_huey")
        polling.until(lambda: "Processing is paused" in installation.log.read_text())

        rejected = installation.send(session, other_album, photos(1))
        paused_status = installation.status()
        elsewhere.rename(incoming)
        final_status = installation.wait_until_idle()

        assert (rejected.status_code, rejected.json()["error"], paused_status["pressure"]) == (
            503,
            *["storage-away"] * 2,
        )
        assert (final_status["photos"], final_status["jobs"]["failed"]) == (PHOTOS, 0)
        installation.manage("verify")
