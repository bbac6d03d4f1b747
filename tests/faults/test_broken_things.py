"""The disk, the database, a folder, Redis and the clock break while photos are sent and developed, and are mended.

Nothing is lost, work goes on by itself, and nobody ever gets an answer of 500.
"""

import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import polling
from tests.faults import aftermath, mounts
from tests.faults.aftermath import QUICK, Figures
from tests.installation import JSON, Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

PATIENT = QUICK | {"MAX_ATTEMPTS": "1000"}
WORDS = {503, 507}
CLOCK = Path(__file__).with_name("clock.py")


class Sender:
    """One person with one album, who sends again whatever was not taken."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.session = installation.sign_in()
        self.album = installation.new_album(self.session, "Summer")
        self.sent: dict[str, bytes] = {}
        self.answers: list[int] = []

    def offer(self, photos: dict[str, bytes]) -> bool:
        """Once; the answer must be one that a person understands."""
        self.sent |= photos
        answer = self.installation.send(self.session, self.album, photos)
        self.answers.append(answer.status_code)
        assert answer.ok or answer.status_code in WORDS | {409}, answer.text
        assert answer.ok or answer.status_code == 409 or "Retry-After" in answer.headers or answer.json()["message"]
        return answer.ok

    def send(self, photos: dict[str, bytes]) -> None:
        polling.until(lambda: self.offer(photos), 90, f"never taken: {self.answers[-5:]}")

    def look(self) -> int:
        """The panel, as a page that polls asks for it."""
        address = f"{self.installation.url}/albums/{self.album}/uploads/status/"
        return self.session.get(address, headers=JSON, timeout=60).status_code

    def assert_all_are_photos(self) -> None:
        aftermath.settle(self.installation)
        sent = aftermath.sent_to(self.album, self.sent.values())
        count = len(sent)
        assert aftermath.figures(self.installation, sent, sent) == Figures(count, count, count, failed=0)


@contextmanager
def running(tmp_path: Path, env: dict[str, str]) -> Iterator[Sender]:
    with Installation(tmp_path, PATIENT | env) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield Sender(installation)


def some(count: int = 3, size: tuple[int, int] = (900, 600)) -> dict[str, bytes]:
    photos = [making.jpeg(size) for _ in range(count)]
    return {f"{aftermath.digest(photo)[:8]}.jpg": photo for photo in photos}


def heavy(count: int) -> dict[str, bytes]:
    """As photos, for noise cannot be compressed: one megabyte each."""
    noise = random.Random(count)
    return {name: photo + b"\0" + noise.randbytes(1 << 20) for name, photo in some(count).items()}


def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "installation"
    with mounts.small_disk(disk, "16M"), running(tmp_path, {"MIN_FREE_SPACE": "0"}) as sender:
        sender.send(some())
        with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(b"\0" * 4096) == 4096:
                pass
        sizes = [sender.offer(heavy(4)), sender.offer(some())]
        assert sender.look() in {200} | WORDS

        mounts.grow(disk, "128M")
        for name, photo in list(sender.sent.items()):
            sender.send({name: photo})
        sender.assert_all_are_photos()
        assert sizes == [False, False]


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.long)])
def test_a_database_locked_by_another_program_only_delays(tmp_path, seconds):
    with running(tmp_path, {}) as sender:
        sender.send(some())
        database = sqlite3.connect(sender.installation.data_dir / "db.sqlite3", check_same_thread=False)
        database.execute("BEGIN IMMEDIATE")
        unlock = threading.Timer(seconds, database.rollback)
        unlock.start()

        assert sender.look() == 200
        sender.send(some())

        unlock.join()
        database.close()
        sender.assert_all_are_photos()


def test_a_read_only_database_is_told_and_work_goes_on_when_it_can_be_written(tmp_path):
    with running(tmp_path, {}) as sender:
        sender.send(some())
        with mounts.read_only(sender.installation.data_dir / "db.sqlite3"):
            taken = sender.offer(some())
            seen = sender.look()
        sender.send(dict(list(sender.sent.items())[-3:]))

        sender.assert_all_are_photos()
        assert (taken, seen) == (False, 200)


def test_raw_files_that_were_away_are_developed_when_they_are_back(tmp_path):
    with running(tmp_path, {}) as sender:
        sender.installation.stop("run_huey")
        incoming, away = sender.installation.data_dir / "incoming", tmp_path / "away"
        sender.send(some())
        incoming.rename(away)

        sender.installation.start("run_huey")
        polling.until(lambda: sender.installation.ask(MISSED), what="no job was tried")
        shutil.copytree(away, incoming, dirs_exist_ok=True)

        sender.assert_all_are_photos()


def test_incoming_is_made_again_when_it_is_gone(tmp_path):
    with running(tmp_path, {}) as sender:
        (sender.installation.data_dir / "incoming").rmdir()

        sender.send(some())

        sender.assert_all_are_photos()


def test_redis_stops_and_starts_again(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        redis.stop()
        sender.send(some(6, size=(4000, 3000)))
        redis.start()
        polling.until(lambda: sender.installation.ask(IN_WORK), what="nothing is in work")
        redis.stop()
        redis.start()

        sender.assert_all_are_photos()


def test_a_frozen_redis_holds_no_upload_up(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        os.kill(redis.pid, signal.SIGSTOP)
        begun = time.monotonic()
        sender.send(some(20))
        lasted = time.monotonic() - begun
        os.kill(redis.pid, signal.SIGCONT)

        sender.assert_all_are_photos()
        assert lasted < 15


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path, hours):
    """Of the processes, by django.utils.timezone alone: libfaketime 0.9.10 breaks Python's time.sleep."""
    shutil.copy(CLOCK, tmp_path / "sitecustomize.py")
    ahead = tmp_path / "seconds-ahead"
    ahead.write_text("0")
    with running(tmp_path, {"PYTHONPATH": str(tmp_path)}) as sender:
        sender.send(some(6, size=(4000, 3000)))
        polling.until(lambda: sender.installation.ask(IN_WORK), what="nothing is in work")
        sender.installation.kill("run_huey")
        ahead.write_text(str(hours * 3600))
        sender.installation.start("run_huey")

        sender.send(some())
        sender.assert_all_are_photos()


MISSED = "SELECT 1 FROM processing_processingjob WHERE error_code = 'raw-missing'"
IN_WORK = "SELECT 1 FROM processing_processingjob WHERE state = 'processing'"
