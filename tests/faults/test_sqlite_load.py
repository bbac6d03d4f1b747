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
        sessions = [
            installation.sign_in() for _ in range(POLLERS)
        ]  # one after another: simultaneous sign-ins count as guesses
        is_over = threading.Event()

        def poll(number: int) -> Counter[int]:
            poller, statuses = sessions[number], Counter[int]()
            while not is_over.wait(0.5):
                address = f"{installation.url}/albums/{albums[number % len(albums)]}/uploads/status/"
                statuses[poller.get(address, timeout=240).status_code] += 1
            return statuses

        def send() -> Counter[int]:
            statuses = Counter[int]()
            for form_number in range(seconds * 1000):
                if is_over.wait(0.2):
                    break
                photos = {f"{form_number}-{number}.jpg": making.jpeg((900, 600)) for number in range(4)}
                statuses[installation.send(session, albums[form_number % len(albums)], photos).status_code] += 1
            return statuses

        with ThreadPoolExecutor(POLLERS + 1) as pool:
            tasks = [pool.submit(send), *(pool.submit(poll, number) for number in range(POLLERS))]
            try:
                is_over.wait(seconds)
            finally:
                is_over.set()
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
