"""The disk, the database, a folder, Redis and the clock break while photos are sent and developed, and are mended.

Nothing is lost, work goes on by itself, and nobody ever gets an answer of 500.
"""

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis as redis_client

from tests import polling
from tests.faults import aftermath, mounts
from tests.faults.aftermath import QUICK, Figures
from tests.installation import JSON, Installation
from tests.processing import making
from tests.support import processes

pytestmark = [pytest.mark.faults, pytest.mark.servers]

PATIENT = QUICK | {"MAX_ATTEMPTS": "1000", "LEASE_SECONDS": "5", "PIPELINE_SECONDS": "600"}
"""A worker that lives on without its database cannot give its job back: its lease must run out. It does no harm earlier."""
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
        return answer.ok

    def send(self, photos: dict[str, bytes]) -> None:
        polling.until(lambda: self.offer(photos), 240, f"never taken: {self.answers[-5:]}")

    def look(self) -> int:
        """The panel, as a page that polls asks for it."""
        address = f"{self.installation.url}/albums/{self.album}/uploads/status/"
        return self.session.get(address, headers=JSON, timeout=60).status_code

    def send_each_again(self) -> None:
        """One by one, and when its album is free. What was cut off before is given up, for nothing is being sent."""
        aftermath.expire_uploads(self.installation)
        for name, photo in list(self.sent.items()):
            self.send({name: photo})

    def wait_until_free(self) -> None:
        polling.until(lambda: not self.installation.ask(aftermath.LOCKED), 240)

    @contextmanager
    def busy_worker(self) -> Iterator[None]:
        """The worker is in the middle of the next photo that is sent as long as the context lasts: its pipeline is stopped."""
        self.send(some(1))
        self.wait_until_free()
        worker = self.installation.processes["run_huey"].pid
        [pipeline] = polling.until(lambda: processes.children(worker), what="the worker has no pipeline")
        with processes.stopped(pipeline):
            yield

    def wait_until_in_work(self) -> None:
        polling.until(lambda: self.installation.ask(IN_WORK), what="nothing is in work")


@contextmanager
def running(tmp_path: Path, env: dict[str, str]) -> Iterator[Sender]:
    with Installation(tmp_path, PATIENT | env) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield Sender(installation)


def assert_all_are_photos(*senders: Sender) -> None:
    """Whatever they sent: once each, with nothing left over."""
    aftermath.settle(senders[0].installation)
    sent = {one for sender in senders for one in aftermath.sent_to(sender.album, sender.sent.values())}
    assert aftermath.figures(senders[0].installation, sent, sent) == Figures(len(sent), len(sent), len(sent), failed=0)


def some(count: int = 3, size: tuple[int, int] = (900, 600)) -> dict[str, bytes]:
    photos = [making.jpeg(size) for _ in range(count)]
    return {f"{aftermath.digest(photo)[:8]}.jpg": photo for photo in photos}


def heavy(count: int) -> dict[str, bytes]:
    """A megabyte each."""
    return {name: photo + b"\0" * (1 << 20) for name, photo in some(count).items()}


def fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(b"\0" * 4096) == 4096:
            pass


def is_refused(sender: Sender, ballast: Path) -> bool:
    """For want of room. The worker may make some at any moment, so the disk is filled up again before each form."""
    fill(ballast)
    return not sender.offer(some(1)) and sender.answers[-1] in WORDS


@pytest.mark.embedded  # what goes to the bucket needs the disk for a moment only, and may get it
def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "installation"
    with mounts.small_disk(disk, "16M"), running(tmp_path, {"MIN_FREE_SPACE": "0"}) as sender:
        others = [Sender(sender.installation) for _ in range(3)]
        with ThreadPoolExecutor(len(others)) as pool:  # each form alone would fit
            list(pool.map(Sender.offer, others, map(heavy, (7, 7, 7))))
        polling.until(lambda: is_refused(sender, disk / "ballast"), 240, "there is always room")
        assert sender.look() in {200} | WORDS

        mounts.grow(disk, "128M")
        for one in (sender, *others):
            one.send_each_again()
        assert_all_are_photos(sender, *others)


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.long)])
def test_a_database_locked_by_another_program_only_delays(tmp_path, seconds):
    with running(tmp_path, {}) as sender:
        sender.send(some())
        database = sqlite3.connect(sender.installation.data_dir / "db.sqlite3", check_same_thread=False)
        database.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            try:
                assert sender.look() == 200
                sending = pool.submit(sender.send, some())
                threading.Event().wait(seconds)
                assert not sending.done()
            finally:
                database.close()
            sending.result(240)
        assert_all_are_photos(sender)


@pytest.mark.embedded
def test_a_read_only_database_is_told_and_work_goes_on_when_it_can_be_written(tmp_path):
    """Who opens it then: handles from before, and those that SQLite keeps for its next connection, can write all the same."""
    with running(tmp_path, {}) as sender:
        sender.send(some())
        sender.wait_until_free()
        sender.installation.stop("serve")
        with mounts.read_only(sender.installation.data_dir / "db.sqlite3"):
            sender.installation.start("serve")
            sender.offer(some())
            answer, seen = sender.answers[-1], sender.look()
        sender.send_each_again()

        assert_all_are_photos(sender)
        assert (answer, seen) == (503, 200)


@pytest.mark.embedded  # a worker that borrows from the bucket makes room again, and who comes then is taken
def test_incoming_vanishes_and_comes_back(tmp_path):
    with running(tmp_path, {}) as sender:
        other = Sender(sender.installation)
        incoming, away = sender.installation.data_dir / "incoming", tmp_path / "away"
        with sender.busy_worker():
            sender.send(some(4))
            sender.wait_until_in_work()
            incoming.rename(away)

        taken = other.offer(some())
        seen = sender.look()
        shutil.copytree(away, incoming, dirs_exist_ok=True)

        other.send_each_again()
        assert_all_are_photos(sender, other)
        assert (taken, seen) == (False, 200)


@pytest.mark.embedded
def test_raw_files_that_were_away_are_developed_when_they_are_back(tmp_path):
    with running(tmp_path, {}) as sender:
        sender.installation.stop("run_huey")
        incoming, away = sender.installation.data_dir / "incoming", tmp_path / "away"
        sender.send(some())
        incoming.rename(away)
        incoming.mkdir()

        sender.installation.start("run_huey")
        polling.until(lambda: sender.installation.ask(MISSED), what="no job was tried")
        shutil.copytree(away, incoming, dirs_exist_ok=True)

        assert_all_are_photos(sender)


def test_redis_stops_and_starts_again(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        with sender.busy_worker():
            redis.stop()
            sender.send(some(4))
            redis.start()
            sender.wait_until_in_work()
            redis.stop()
        redis.start()

        assert_all_are_photos(sender)


def test_postgresql_starts_again_under_web_and_workers(tmp_path, own_postgresql):
    """Every connection of their pools is cut; those that are opened next are good."""
    with running(tmp_path, {"DATABASE_URL": own_postgresql.new_database()}) as sender:
        with sender.busy_worker():
            sender.send(some(4))
            sender.wait_until_in_work()
            own_postgresql.restart()

        assert sender.look() == 200
        sender.send(some())
        assert_all_are_photos(sender)


def test_a_worker_waits_in_redis_itself_for_the_next_bell(tmp_path, redis):
    """A bell is heard in a millisecond, and nobody asks in vain meanwhile."""
    with Installation(tmp_path, {"REDIS_URL": redis.url}) as installation:
        installation.start("run_huey")
        with redis_client.Redis.from_url(redis.url) as client:
            polling.until(lambda: "bzpopmin" in {line["cmd"] for line in client.client_list()}, what="no worker waits")


def test_a_frozen_redis_holds_no_upload_up(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        usual = seconds_to_send(sender)
        sender.wait_until_free()
        with processes.stopped(redis.pid):
            lasted = seconds_to_send(sender)

        assert_all_are_photos(sender)
        assert lasted < 10 + 5 * usual  # waiting for Redis once for each photo would take 40 seconds


def seconds_to_send(sender: Sender) -> float:
    begun = time.monotonic()
    sender.send(some(20))
    return time.monotonic() - begun


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_jumps_loses_and_doubles_nothing(tmp_path, hours):
    """Of the processes, by django.utils.timezone alone: libfaketime 0.9.10 breaks Python's time.sleep."""
    shutil.copy(CLOCK, tmp_path / "sitecustomize.py")
    ahead = tmp_path / "seconds-ahead"
    ahead.write_text("0")
    with running(tmp_path, {"PYTHONPATH": str(tmp_path)}) as sender:
        with sender.busy_worker():
            sender.send(some(4))
            sender.wait_until_in_work()
            sender.installation.kill("run_huey")
        ahead.write_text(str(hours * 3600))
        sender.installation.start("run_huey")

        sender.send(some())
        assert_all_are_photos(sender)


MISSED = "SELECT 1 FROM processing_jobevent WHERE code = 'raw-missing'"
IN_WORK = "SELECT 1 FROM processing_processingjob WHERE state = 'processing'"
