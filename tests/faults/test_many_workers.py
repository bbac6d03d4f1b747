"""Many workers on PostgreSQL and Redis share one queue, while some of them are killed at random and Redis forgets its bells.

Each job is done exactly once, and no claim ever waits for another: PostgreSQL tells of every wait of a millisecond. Figures are
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
SMALL = 700_000
NOOP = ("shell", "-c", "from tests.faults import noop; noop.work()")
LEFT = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"
SECONDS = "SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM processing_processingjob WHERE id > {}"
NOT_ONCE = """
    SELECT job.id FROM processing_processingjob job
    LEFT JOIN processing_jobevent event ON event.job_id = job.id AND event.edge = 'complete'
    GROUP BY job.id HAVING count(event.id) <> 1 OR min(job.state) <> 'completed' OR count(job.photo_id) <> 1
"""
PHOTOS = "SELECT count(*), count(DISTINCT (album_id, original_sha256)) FROM albums_photo"
CLAIMS = ("SKIP LOCKED", "SET \"state\" = 'processing'")


class Waits:
    """What PostgreSQL wrote about waiting for locks in this database, each wait with its statement."""

    def __init__(self, server: PostgreSQL, url: str) -> None:
        self._log, self._name = server.log, url.rpartition("/")[2]
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(f"ALTER DATABASE {self._name} SET log_lock_waits = on")
            database.execute(f"ALTER DATABASE {self._name} SET deadlock_timeout = '1ms'")

    def statements(self) -> Counter[str]:
        """Other tests use the same server: lines that begin with another database are theirs."""
        lines = self._log.read_text(errors="replace").splitlines()
        told = "\n".join(line for line in lines if f"] {self._name} " in line)
        return Counter(re.findall(r"still waiting for .*\n(?:.*(?:DETAIL|CONTEXT): .*\n)*.*STATEMENT:  (.*)", told))

    def of_claims(self) -> int:
        return sum(count for statement, count in self.statements().items() if any(part in statement for part in CLAIMS))


@dataclass
class Crew:
    """So many workers, of which one is killed now and then and another takes its place."""

    installation: Installation
    size: int
    chance: random.Random
    command: tuple[str, ...] = ("run_huey",)

    def __enter__(self) -> "Crew":
        for number in range(self.size):
            self._start(f"worker {number}")
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(self.size):
            self.installation.kill(f"worker {number}")

    def work_off(self, jobs: int, kills: int, until: int = 0) -> None:
        """Of so many jobs all but the last few. Spread over the work: a kill each time that so many more are done."""
        for number in range(kills):
            most = jobs - (jobs - until) * (number + 0.5) / kills
            polling.until(lambda most=most: self._left() <= most, 900, "no progress")  # type: ignore[misc]
            self._kill()
        polling.until(lambda: self._left() <= until, 900, "the work does not end")

    def _left(self) -> int:
        threading.Event().wait(0.2)
        return int(self.installation.ask(LEFT)[0][0])

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
def waits(postgresql) -> tuple[str, Waits]:
    url = postgresql.new_database()
    return url, Waits(postgresql, url)


@pytest.fixture
def installation(waits, redis, tmp_path) -> Iterator[Installation]:
    with Installation(tmp_path, QUICK | {"DATABASE_URL": waits[0], "REDIS_URL": redis.url}) as installation:
        yield installation


def test_a_wait_is_seen_where_there_is_one(postgresql, waits):
    """Or that none was seen would mean nothing."""
    url, seen = waits
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("CREATE TABLE job AS SELECT 1 AS id, 'pending' AS state")
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        first.execute("SELECT * FROM job FOR UPDATE")
        waiting = threading.Thread(target=second.execute, args=["""UPDATE job SET "state" = 'processing'"""])
        waiting.start()
        try:
            polling.until(seen.of_claims, what="the wait is not seen")
        finally:
            first.rollback()
            waiting.join(60)

    assert seen.of_claims() == 1


def test_four_workers_do_each_job_once_while_three_are_killed(installation, waits, redis, capsys):
    fill(installation, 300, albums=12)

    with Crew(installation, 4, random.Random(), NOOP) as crew:
        crew.work_off(300, kills=3)

    assert_each_is_done_once(installation, waits[1], 300, capsys)


@pytest.mark.long
def test_eight_workers_do_ten_thousand_jobs_and_five_hundred_photos(installation, waits, redis, capsys):
    fill(installation, 10_000, albums=40)
    with Crew(installation, 8, random.Random(), NOOP) as crew:
        crew.work_off(10_000, kills=10, until=5_000)
        redis_client.Redis.from_url(redis.url).flushall()  # all bells are lost
        crew.work_off(5_000, kills=10)
    assert_each_is_done_once(installation, waits[1], 10_000, capsys)

    real = sorted(path for path in REAL.rglob("*.[jJ][pP][gG]") if path.stat().st_size < SMALL)
    if not real:
        pytest.skip("without real photos")
    last = installation.ask("SELECT max(id) FROM processing_processingjob")[0][0]
    fill(installation, 500, albums=10, photos=real)
    with Crew(installation, 8, random.Random()) as crew:
        crew.work_off(500, kills=10)
    assert_each_is_done_once(installation, waits[1], 10_500, capsys, after=last)


def fill(installation: Installation, count: int, albums: int, photos: list[Path] | None = None) -> None:
    paths = [str(photo) for photo in photos or []]
    installation.manage("shell", "-c", f"from tests.faults import noop; noop.fill({count}, {albums}, {paths})")


def assert_each_is_done_once(installation: Installation, waits: Waits, jobs: int, capsys, after: int = 0) -> None:
    aftermath.settle(installation)
    seconds = float(installation.ask(SECONDS.format(after))[0][0])
    count = installation.ask(f"SELECT count(*) FROM processing_processingjob WHERE id > {after}")[0][0]
    others = waits.statements().total() - waits.of_claims()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{count} jobs in {seconds:.1f} s: {count / seconds:.1f} a second; "
            f"waits of a millisecond: {waits.of_claims()} in claims, {others} elsewhere\n"
        )
    assert installation.ask(NOT_ONCE) == []
    assert installation.ask(PHOTOS) == [(jobs, jobs)]
    assert waits.of_claims() == 0
