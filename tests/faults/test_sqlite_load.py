"""Web, worker, sweep, a sender and twenty pollers together on SQLite, without one "database is locked"."""

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import aftermath
from tests.installation import Installation
from tests.processing import making

pytestmark = pytest.mark.faults

POLLERS = 20


@pytest.mark.parametrize("seconds", [8, pytest.param(600, marks=pytest.mark.long)])
def test_the_database_is_never_locked(tmp_path, seconds, capsys):
    with Installation(tmp_path, {"SWEEP_SECONDS": "1"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        session = installation.sign_in()
        albums = [installation.new_album(session, f"Album {number}") for number in range(3)]
        people = [
            installation.sign_in() for _ in range(POLLERS)
        ]  # one after another: sign-ins at once count as guesses
        over = threading.Event()

        def poll(number: int) -> Counter[int]:
            person, answers = people[number], Counter[int]()
            while not over.wait(0.5):
                address = f"{installation.url}/albums/{albums[number % len(albums)]}/uploads/status/"
                answers[person.get(address, timeout=240).status_code] += 1
            return answers

        def send() -> Counter[int]:
            answers = Counter[int]()
            for turn in range(seconds * 1000):
                if over.wait(0.2):
                    break
                photos = {f"{turn}-{number}.jpg": making.jpeg((900, 600)) for number in range(4)}
                answers[installation.send(session, albums[turn % len(albums)], photos).status_code] += 1
            return answers

        with ThreadPoolExecutor(POLLERS + 1) as pool:
            tasks = [pool.submit(send), *(pool.submit(poll, number) for number in range(POLLERS))]
            try:
                over.wait(seconds)
            finally:
                over.set()
            sent, *polled = (task.result() for task in tasks)
        aftermath.settle(installation)

        polls = sum(polled, Counter[int]())
        photos = installation.ask("SELECT count(*) FROM albums_photo")[0][0]
        with capsys.disabled():
            sys.stdout.write(f"\nSQLite for {seconds} s: forms {dict(sent)}, polls {dict(polls)}, {photos} photos\n")
        assert photos == 4 * sent[200]
        assert set(sent) <= {200, 409}
        assert set(polls) == {200}
        assert "locked" not in installation.log.read_text()
