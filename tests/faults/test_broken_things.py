"""The disk, the database, a folder, Redis and the clock fail while photos are sent and processed, and recover.

No photo is lost, processing resumes without intervention, and no response has status 500.
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

RETRIES_WITHOUT_END = QUICK | {"MAX_ATTEMPTS": "1000", "LEASE_SECONDS": "5", "PIPELINE_SECONDS": "600"}
"""A worker without its database cannot give its job back, so the lease must expire. An earlier expiry does no harm."""
UNAVAILABLE = {503, 507}
CLOCK = Path(__file__).with_name("clock.py")


class Sender:
    """A client with one album that repeats every form that was not accepted."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.session = installation.sign_in()
        self.album = installation.new_album(self.session, "Summer")
        self.sent: dict[str, bytes] = {}
        self.statuses: list[int] = []

    def offer(self, photos: dict[str, bytes]) -> bool:
        """Send the photos once. The response must be a success or a problem that the page explains."""
        self.sent |= photos
        response = self.installation.send(self.session, self.album, photos)
        self.statuses.append(response.status_code)
        assert response.ok or response.status_code in UNAVAILABLE | {409}, response.text
        return response.ok

    def send(self, photos: dict[str, bytes]) -> None:
        polling.until(lambda: self.offer(photos), 240, f"never taken: {self.statuses[-5:]}")

    def panel_status(self) -> int:
        """Request the panel as a polling page does, and return the response's status."""
        address = f"{self.installation.url}/albums/{self.album}/uploads/status/"
        return self.session.get(address, headers=JSON, timeout=60).status_code

    def send_each_again(self) -> None:
        """Send all photos again, one by one. Incomplete uploads expire first, because no upload is in progress."""
        aftermath.expire_uploads(self.installation)
        for name, photo in list(self.sent.items()):
            self.send({name: photo})

    def wait_until_free(self) -> None:
        polling.until(lambda: not self.installation.ask(aftermath.LOCKED), 240)

    @contextmanager
    def busy_worker(self) -> Iterator[None]:
        """Stop the worker's pipeline, so that the next photo stays in progress while the context lasts."""
        self.send(small_photos(1))
        self.wait_until_free()
        worker = self.installation.processes["run_huey"].pid
        [pipeline] = polling.until(lambda: processes.children(worker), what="the worker has no pipeline")
        with processes.stopped(pipeline):
            yield

    def wait_until_processing(self) -> None:
        polling.until(lambda: self.installation.ask(PROCESSING_JOB), what="no job is being processed")


@contextmanager
def running(tmp_path: Path, env: dict[str, str]) -> Iterator[Sender]:
    with Installation(tmp_path, RETRIES_WITHOUT_END | env) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield Sender(installation)


def assert_all_are_photos(*senders: Sender) -> None:
    """Assert that each file that was sent is exactly one photo, and that no other file is left."""
    aftermath.settle(senders[0].installation)
    sent = {file for sender in senders for file in aftermath.sent_to(sender.album, sender.sent.values())}
    assert aftermath.figures(senders[0].installation, sent, sent) == Figures(len(sent), len(sent), len(sent), failed=0)


def small_photos(count: int = 3, size: tuple[int, int] = (900, 600)) -> dict[str, bytes]:
    photos = [making.jpeg(size) for _ in range(count)]
    return {f"{aftermath.digest(photo)[:8]}.jpg": photo for photo in photos}


def large_photos(count: int) -> dict[str, bytes]:
    """Photos of a megabyte each."""
    return {name: photo + b"\0" * (1 << 20) for name, photo in small_photos(count).items()}


def fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while file.write(b"\0" * 4096) == 4096:
            pass


def is_refused(sender: Sender, ballast: Path) -> bool:
    """Fill the disk, send a form, and return whether it was rejected. The worker may free space at any moment."""
    fill(ballast)
    return not sender.offer(small_photos(1)) and sender.statuses[-1] in UNAVAILABLE


@pytest.mark.embedded  # files for the bucket need the disk only for a moment, and may find space
def test_a_full_disk_is_reported_and_processing_resumes_when_space_is_free(tmp_path):
    disk = tmp_path / "installation"
    with mounts.small_disk(disk, "16M"), running(tmp_path, {"MIN_FREE_SPACE": "0"}) as sender:
        other_senders = [Sender(sender.installation) for _ in range(3)]
        with ThreadPoolExecutor(len(other_senders)) as pool:  # each form alone would fit
            list(pool.map(Sender.offer, other_senders, map(large_photos, (7, 7, 7))))
        polling.until(lambda: is_refused(sender, disk / "ballast"), 240, "the disk never fills up")
        assert sender.panel_status() in {200} | UNAVAILABLE

        mounts.grow(disk, "128M")
        for each_sender in (sender, *other_senders):
            each_sender.send_each_again()
        assert_all_are_photos(sender, *other_senders)


@pytest.mark.parametrize("seconds", [4, pytest.param(30, marks=pytest.mark.long)])
def test_a_database_locked_by_another_program_only_delays_uploads(tmp_path, seconds):
    with running(tmp_path, {}) as sender:
        sender.send(small_photos())
        database = sqlite3.connect(sender.installation.data_dir / "db.sqlite3", check_same_thread=False)
        database.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            try:
                assert sender.panel_status() == 200
                sending = pool.submit(sender.send, small_photos())
                threading.Event().wait(seconds)
                assert not sending.done()
            finally:
                database.close()
            sending.result(240)
        assert_all_are_photos(sender)


@pytest.mark.embedded
def test_a_read_only_database_is_reported_and_processing_resumes_when_it_is_writable(tmp_path):
    """Restarts the web server, because descriptors that were opened earlier, also those that SQLite keeps, can still write."""
    with running(tmp_path, {}) as sender:
        sender.send(small_photos())
        sender.wait_until_free()
        sender.installation.stop("serve")
        with mounts.read_only(sender.installation.data_dir / "db.sqlite3"):
            sender.installation.start("serve")
            sender.offer(small_photos())
            upload_status, page_status = sender.statuses[-1], sender.panel_status()
        sender.send_each_again()

        assert_all_are_photos(sender)
        assert (upload_status, page_status) == (503, 200)


@pytest.mark.embedded  # on a bucket, a worker's local copy creates the directory again, and the upload is accepted
def test_photos_survive_the_temporary_loss_of_the_incoming_directory(tmp_path):
    with running(tmp_path, {}) as sender:
        second_sender = Sender(sender.installation)
        incoming, away = sender.installation.data_dir / "incoming", tmp_path / "away"
        with sender.busy_worker():
            sender.send(small_photos(4))
            sender.wait_until_processing()
            incoming.rename(away)

        is_accepted = second_sender.offer(small_photos())
        page_status = sender.panel_status()
        shutil.copytree(away, incoming, dirs_exist_ok=True)

        second_sender.send_each_again()
        assert_all_are_photos(sender, second_sender)
        assert (is_accepted, page_status) == (False, 200)


@pytest.mark.embedded
def test_raw_files_are_processed_when_they_are_available_again(tmp_path):
    with running(tmp_path, {}) as sender:
        sender.installation.stop("run_huey")
        incoming, away = sender.installation.data_dir / "incoming", tmp_path / "away"
        sender.send(small_photos())
        incoming.rename(away)
        incoming.mkdir()

        sender.installation.start("run_huey")
        polling.until(lambda: sender.installation.ask(MISSING_RAW_FILE), what="no job was attempted")
        shutil.copytree(away, incoming, dirs_exist_ok=True)

        assert_all_are_photos(sender)


def test_photos_survive_restarts_of_redis(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        with sender.busy_worker():
            redis.stop()
            sender.send(small_photos(4))
            redis.start()
            sender.wait_until_processing()
            redis.stop()
        redis.start()

        assert_all_are_photos(sender)


def test_web_server_and_worker_survive_a_restart_of_postgresql(tmp_path, own_postgresql):
    """The restart closes every connection in their pools; new connections work."""
    with running(tmp_path, {"DATABASE_URL": own_postgresql.new_database()}) as sender:
        with sender.busy_worker():
            sender.send(small_photos(4))
            sender.wait_until_processing()
            own_postgresql.restart()

        assert sender.panel_status() == 200
        sender.send(small_photos())
        assert_all_are_photos(sender)


def test_a_worker_blocks_in_redis_until_the_next_message(tmp_path, redis):
    """It receives a message within a millisecond, without polling."""
    with Installation(tmp_path, {"REDIS_URL": redis.url}) as installation:
        installation.start("run_huey")
        with redis_client.Redis.from_url(redis.url) as client:
            polling.until(lambda: "bzpopmin" in {line["cmd"] for line in client.client_list()}, what="no worker waits")


def test_a_frozen_redis_does_not_delay_uploads(tmp_path, redis):
    with running(tmp_path, {"REDIS_URL": redis.url}) as sender:
        usual_seconds = seconds_to_send(sender)
        sender.wait_until_free()
        with processes.stopped(redis.pid):
            seconds = seconds_to_send(sender)

        assert_all_are_photos(sender)
        assert seconds < 10 + 5 * usual_seconds  # waiting for Redis once for each photo would take 40 seconds


def seconds_to_send(sender: Sender) -> float:
    started = time.monotonic()
    sender.send(small_photos(20))
    return time.monotonic() - started


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_jump_of_the_clock_loses_and_duplicates_nothing(tmp_path, hours):
    """Changes only django.utils.timezone: libfaketime 0.9.10 breaks Python's time.sleep."""
    shutil.copy(CLOCK, tmp_path / "sitecustomize.py")
    ahead = tmp_path / "seconds-ahead"
    ahead.write_text("0")
    with running(tmp_path, {"PYTHONPATH": str(tmp_path)}) as sender:
        with sender.busy_worker():
            sender.send(small_photos(4))
            sender.wait_until_processing()
            sender.installation.kill("run_huey")
        ahead.write_text(str(hours * 3600))
        sender.installation.start("run_huey")

        sender.send(small_photos())
        assert_all_are_photos(sender)


MISSING_RAW_FILE = "SELECT 1 FROM processing_jobevent WHERE code = 'raw-missing'"
PROCESSING_JOB = "SELECT 1 FROM processing_processingjob WHERE state = 'processing'"
