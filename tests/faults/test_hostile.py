"""Thousands of bad inputs for a real installation. No process dies and no upload or job is stuck; figures are printed.

The seed is printed too: DARKROOM_SEED repeats a run.
"""

import os
import random
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest
from requests import Session

from tests import polling, servers
from tests.faults import hostile, hostile_tus
from tests.faults.aftermath import LOCKED
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers]

SEED = int(os.environ.get("DARKROOM_SEED", "20261121"))
SETTINGS = {
    "SWEEP_SECONDS": "1",
    "BACKOFF_BASE_SECONDS": "0.01",
    "MAX_ATTEMPTS": "2",
    "PIPELINE_SECONDS": "30",
    "UPLOAD_EXPIRY_SECONDS": "5",
    "LOGIN_ATTEMPTS": "1000000",
}
SENDERS = 4
FILES_PER_FORM = 30
Report = Callable[[str], None]


@pytest.fixture
def installation(tmp_path) -> Iterator[Installation]:
    with Installation(tmp_path, SETTINGS) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


@pytest.fixture
def report(capsys) -> Report:
    def write(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return write


def test_bad_requests_and_files_cause_no_error_500_and_no_dead_process(installation, report):
    attack(installation, report, requests=1960, files=40)


@pytest.mark.long
def test_many_damaged_photos_and_bad_requests_cause_no_error_500(installation, report):
    attack(installation, report, requests=6000, files=1000)


def attack(installation: Installation, report: Report, *, requests: int, files: int) -> None:
    rng, started = random.Random(SEED), time.monotonic()
    session = installation.sign_in()
    before = processes(installation)
    target = target_of(installation, session)

    statuses = send_requests(installation, hostile.requests(target, rng, requests, hostile_tus.KINDS))
    sent = send_files(installation, session, hostile.files(rng, files))
    status = polling.until(lambda: at_rest(installation), 600, "an upload or a job is stuck")

    report(
        f"{requests} bad requests and {sent} bad files with seed {SEED} in {time.monotonic() - started:.0f} s: "
        f"answers {dict(sorted(statuses.items()))}, jobs {status['jobs']}, "
        f"{statuses[500]} answers of 500, {len(before - processes(installation))} dead processes"
    )
    assert statuses[500] == 0
    assert before <= processes(installation)
    log = installation.log.read_text(errors="replace")
    assert "Internal Server Error" not in log
    assert not re.search(r"^\s{0,3}X-Evil", log, re.MULTILINE)
    installation.manage("verify")
    assert_album_takes_photos(installation, session, target.album)


def target_of(installation: Installation, session: Session) -> hostile.Target:
    album = installation.new_album(session, "Target")
    assert installation.send(session, album, {"good.jpg": making.jpeg((640, 480))}).status_code == 200
    assert installation.wait_until_idle()["photos"] == 1
    cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    host = f"{servers.HOST}:{installation.port}"
    token = session.cookies["csrftoken"]
    upload = installation.new_upload(session, installation.new_album(session, "Half"), "half.jpg", 10_000)
    path = upload.removeprefix(installation.url)
    return hostile.Target(host=host, cookie=cookie, token=token, album=album, photo=1, upload=path)


def send_requests(installation: Installation, requests: Iterator[tuple[str, bytes]]) -> Counter[int]:
    def send(case: tuple[str, bytes]) -> int:
        kind, content = case
        status = exchange(installation.port, content)
        if status == 500:
            sys.stdout.write(f"500 for {kind}: {content[:60]!r} … {content[-120:]!r}\n")
        return status

    with ThreadPoolExecutor(SENDERS) as pool:
        return Counter(pool.map(send, requests))


def exchange(port: int, content: bytes) -> int:
    """Return the response's status, 0 if the connection was closed without a response. A time-out fails the test."""
    with socket.create_connection((servers.HOST, port), timeout=240) as connection:
        response = b""
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                response += chunk[:100] if not response else b""
        except TimeoutError:
            raise
        except OSError:
            pass  # the server responded or closed the connection before everything was sent
    status_line = re.match(rb"HTTP/1\.[01] (\d{3})", response)
    return int(status_line[1]) if status_line else 0


def send_files(installation: Installation, session: Session, files: Iterator[tuple[str, bytes]]) -> int:
    """Send the files in forms, each to a new album, and return how many were sent."""
    sent = 0
    while form := dict(islice(files, FILES_PER_FORM)):
        response = installation.send(session, installation.new_album(session, f"After {sent}"), form)
        assert response.status_code == 200, response.text
        sent += len(form)
    return sent


def at_rest(installation: Installation) -> dict[str, Any]:
    if installation.ask(LOCKED):
        return {}
    status = installation.status()
    active = status["jobs"]["pending"] + status["jobs"]["processing"] + status["uploads"]["receiving"]
    return {} if active else status


def assert_album_takes_photos(installation: Installation, session: Session, album: int) -> None:
    before = installation.status()["photos"]
    assert installation.send(session, album, {"last.jpg": making.jpeg((640, 480))}).status_code == 200
    assert installation.wait_until_idle()["photos"] == before + 1


def processes(installation: Installation) -> set[int]:
    """Return the process IDs of web server and worker, without the decoding child, which may be replaced at any time."""
    server = installation.processes["serve"].pid
    workers = subprocess.run(
        ["pgrep", "-P", str(server)], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    living = {name for name, process in installation.processes.items() if process.poll() is None}
    return {installation.processes[name].pid for name in living} | set(map(int, workers.split()))
