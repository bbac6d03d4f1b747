"""Many workers on PostgreSQL and Redis share one queue, while random workers are killed and Redis loses its messages.

Each job is processed exactly once, and no claim waits for another: PostgreSQL logs every wait of a millisecond. Figures are
printed.
"""

import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import QUICK
from tests.installation import Installation
from tests.servers import PostgreSQL

pytestmark = [pytest.mark.faults, pytest.mark.servers]

REAL = Path(__file__).parents[3] / "shared" / "photos" / "photos"
MAX_PHOTO_BYTES = 700_000
NOOP = ("shell", "-c", "from tests.faults import noop; noop.work()")
REMAINING = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"
SECONDS = "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM processing_processingjob WHERE id > {}"
NOT_PROCESSED_ONCE = """
    SELECT job.id FROM processing_processingjob job
    LEFT JOIN processing_jobevent event ON event.job_id = job.id AND event.edge = 'complete'
    GROUP BY job.id HAVING count(event.id) <> 1 OR min(job.state) <> 'completed' OR count(job.photo_id) <> 1
"""
PHOTOS = "SELECT count(*), count(DISTINCT (album_id, original_sha256)) FROM albums_photo"
CLAIMS = ("SKIP LOCKED", "SET \"state\" = 'processing'")


class LockWaits:
    """The waits for locks in this database that PostgreSQL logged, with their statements."""

    def __init__(self, server: PostgreSQL, url: str) -> None:
        self._log, self._name = server.log, url.rpartition("/")[2]
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(f"ALTER DATABASE {self._name} SET log_lock_waits = on")
            database.execute(f"ALTER DATABASE {self._name} SET deadlock_timeout = '1ms'")

    def statements(self) -> Counter[str]:
        """Count the waits by statement. Lines of other databases are skipped: other tests use the same server."""
        lines = self._log.read_text(errors="replace").splitlines()
        own_lines = "\n".join(line for line in lines if f"] {self._name} " in line)
        return Counter(
            re.findall(r"still waiting for .*\n(?:.*(?:DETAIL|CONTEXT): .*\n)*.*STATEMENT:  (.*)", own_lines)
        )

    def of_claims(self) -> int:
        return sum(count for statement, count in self.statements().items() if any(part in statement for part in CLAIMS))


@dataclass
class WorkerPool:
    """A number of workers; random ones are killed and replaced."""

    installation: Installation
    size: int
    chance: random.Random
    command: tuple[str, ...] = ("run_huey",)

    def __enter__(self) -> "WorkerPool":
        for number in range(self.size):
            self._start(f"worker {number}")
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(self.size):
            self.installation.kill(f"worker {number}")

    def process(self, jobs: int, kills: int, until: int = 0) -> None:
        """Wait until at most `until` of the jobs remain, with the kills distributed evenly over the work."""
        for number in range(kills):
            limit = jobs - (jobs - until) * (number + 0.5) / kills
            polling.until(lambda limit=limit: self._remaining() <= limit, 900, "no progress")  # type: ignore[misc]
            self._kill()
        polling.until(lambda: self._remaining() <= until, 900, "the work does not end")

    def _remaining(self) -> int:
        threading.Event().wait(0.2)
        return int(self.installation.ask(REMAINING)[0][0])

    def _kill(self) -> None:
        name = f"worker {self.chance.randrange(self.size)}"
        pid = self.installation.processes[name].pid
        self.installation.kill(name)
        aftermath.expire_claims(self.installation, pid)
        self._start(name)

    def _start(self, name: str) -> None:
        command, *arguments = self.command
        self.installation.start(command, name, arguments=arguments)


@pytest.fixture
def waits(postgresql) -> tuple[str, LockWaits]:
    url = postgresql.new_database()
    return url, LockWaits(postgresql, url)


@pytest.fixture
def installation(waits, redis, tmp_path) -> Iterator[Installation]:
    with Installation(tmp_path, QUICK | {"DATABASE_URL": waits[0], "REDIS_URL": redis.url}) as installation:
        yield installation


def test_a_wait_for_a_lock_is_detected(postgresql, waits):
    """Otherwise, finding no waits in the other tests would prove nothing."""
    url, lock_waits = waits
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE job AS SELECT 1 AS id, 'pending' AS state")
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute("SELECT * FROM job FOR UPDATE")
        waiting = threading.Thread(target=second.execute, args=["""UPDATE job SET "state" = 'processing'"""])
        waiting.start()
        try:
            polling.until(lock_waits.of_claims, what="the wait is not detected")
        finally:
            first.rollback()
            waiting.join(60)

    assert lock_waits.of_claims() == 1


def test_four_workers_process_each_job_once_while_three_are_killed(installation, waits, redis, capsys):
    fill(installation, 300, albums=12)

    with WorkerPool(installation, 4, random.Random(), NOOP) as pool:
        pool.process(300, kills=3)

    assert_each_job_is_processed_once(installation, waits[1], 300, capsys)


@pytest.mark.long
def test_eight_workers_process_ten_thousand_jobs_and_five_hundred_photos(installation, waits, redis, capsys):
    fill(installation, 10_000, albums=40)
    with WorkerPool(installation, 8, random.Random(), NOOP) as pool:
        pool.process(10_000, kills=10, until=5_000)
        redis_client.Redis.from_url(redis.url).flushall()  # deletes all messages to workers
        pool.process(5_000, kills=10)
    assert_each_job_is_processed_once(installation, waits[1], 10_000, capsys)

    real_photos = sorted(path for path in REAL.rglob("*.[jJ][pP][gG]") if path.stat().st_size < MAX_PHOTO_BYTES)
    if not real_photos:
        pytest.skip("without real photos")
    last_job = installation.ask("SELECT max(id) FROM processing_processingjob")[0][0]
    fill(installation, 500, albums=10, photos=real_photos)
    with WorkerPool(installation, 8, random.Random()) as pool:
        pool.process(500, kills=10)
    assert_each_job_is_processed_once(installation, waits[1], 10_500, capsys, after=last_job)


def fill(installation: Installation, count: int, albums: int, photos: list[Path] | None = None) -> None:
    paths = [str(photo) for photo in photos or []]
    installation.manage("shell", "-c", f"from tests.faults import noop; noop.fill({count}, {albums}, {paths})")


def assert_each_job_is_processed_once(
    installation: Installation, waits: LockWaits, jobs: int, capsys, after: int = 0
) -> None:
    aftermath.settle(installation)
    seconds = float(installation.ask(SECONDS.format(after))[0][0])
    count = installation.ask(f"SELECT count(*) FROM processing_processingjob WHERE id > {after}")[0][0]
    other_waits = waits.statements().total() - waits.of_claims()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{count} jobs in {seconds:.1f} s: {count / seconds:.1f} a second; "
            f"waits of a millisecond: {waits.of_claims()} in claims, {other_waits} elsewhere\n"
        )
    assert installation.ask(NOT_PROCESSED_ONCE) == []
    assert installation.ask(PHOTOS) == [(jobs, jobs)]
    assert waits.of_claims() == 0
