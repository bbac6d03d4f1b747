"""The supervisor, with small real processes in the place of web and worker."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.server import supervisor
from tests import polling
from tests.support.processes import bounded

SUPERVISE = (
    "import json, sys; from config.server import supervisor; supervisor.QUICK_DEATH_SECONDS = {quick}; "
    "supervisor.Supervisor(json.loads(sys.argv[1]), {patience}).run()"
)
MINUTE, HOUR = 60.0, 3600.0
READY = "import os, signal, time; print(f'ready {os.getpid()}', flush=True); "
WAIT = "time.sleep(600)"  # longer than any test lasts
PATIENT = READY + WAIT
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); " + PATIENT
TIDY = (
    "import signal, sys\n"
    "signal.signal(15, lambda *_: (print('tidied up', flush=True), sys.exit()))\n"
    f"{READY}\n"
    "while True: time.sleep(0.05)"  # a signal just before one long sleep would wait for its end
)


def heed_hang_ups() -> None:
    """Under nohup they are ignored, which is inherited."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(self, log: Path, patience: float = HOUR, quick: float = HOUR, **scripts: str) -> None:
        import json

        commands = {name: [sys.executable, "-c", script] for name, script in scripts.items()}
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                bounded(sys.executable, "-c", SUPERVISE.format(patience=patience, quick=quick), json.dumps(commands)),
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=heed_hang_ups,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str, times: int = 1) -> None:
        polling.until(lambda: self.said.count(words) >= times, MINUTE, f"{words!r} is not said {times} times")

    def children(self, name: str = "") -> list[int]:
        """Process ids that `READY` told, of all children or of those of one name; dead ones too."""
        return [int(pid) for pid in re.findall(rf"^{name}.*\| ready (\d+)\n", self.said, re.MULTILINE)]


@pytest.fixture
def supervise(tmp_path):
    started = []

    def start(**arguments) -> Supervised:
        started.append(Supervised(tmp_path / f"{len(started)}.log", **arguments))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.wait()


def is_alive(pid: int) -> bool:
    """False for a zombie too: it has ended, and only its parent has not asked for its status yet."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_pause_grows_with_quick_deaths_up_to_its_ceiling():
    assert [supervisor.restart_delay(deaths) for deaths in (0, 1, 2, 3, 4, 5, 6, 50)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_what_they_say_is_passed_on_under_their_names(supervise):
    run = supervise(
        web="print('good morning'); " + PATIENT, worker="import sys; print('oops', file=sys.stderr); " + PATIENT
    )

    run.wait_for("ready", 2)

    assert {"web    | good morning", "worker | oops"} <= set(run.said.splitlines())


def test_a_last_line_without_its_end_is_passed_on_too(supervise):
    run = supervise(web="print('no more', end='', flush=True)")

    run.wait_for("web | no more\n")


def test_what_dies_is_started_again(supervise):
    run = supervise(web=PATIENT, worker=PATIENT)
    run.wait_for("ready", 2)
    [web], [worker] = run.children("web"), run.children("worker")

    os.kill(web, signal.SIGKILL)
    run.wait_for("ready", 3)

    assert "web ended by SIGKILL; restarting in 1 s" in run.said
    assert is_alive(worker)


def test_what_dies_at_once_again_and_again_is_given_more_and_more_time(supervise):
    run = supervise(web="raise SystemExit(3)")

    run.wait_for("restarting in 2 s")

    assert re.findall(r"web ended with status 3; restarting in (\d+) s", run.said)[:2] == ["1", "2"]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_cleanly(supervise, sign):
    run = supervise(web=TIDY, worker=TIDY)
    run.wait_for("ready", 2)
    children = run.children()

    run.process.send_signal(sign)

    assert run.process.wait(MINUTE) == 0
    assert run.said.count("tidied up") == 2
    assert [pid for pid in children if is_alive(pid)] == []


def test_who_does_not_end_is_killed_when_patience_is_over(supervise):
    run = supervise(web=STUBBORN, patience=0.3)
    run.wait_for("ready")

    run.process.terminate()

    assert run.process.wait(MINUTE) == 0
    assert "web ended by SIGKILL" in run.said


def test_a_second_signal_kills_at_once(supervise):
    run = supervise(web=STUBBORN)
    run.wait_for("ready")

    run.process.send_signal(signal.SIGINT)
    run.wait_for("Stopping")
    run.process.send_signal(signal.SIGINT)

    assert run.process.wait(MINUTE) == 0


def test_a_killed_supervisor_takes_its_children_along(supervise):
    run = supervise(web=PATIENT, worker=PATIENT)
    run.wait_for("ready", 2)
    children = run.children()

    run.process.kill()

    polling.until(lambda: not any(map(is_alive, children)), MINUTE, "the children live on")


def test_the_family_of_what_died_dies_too(supervise, tmp_path):
    pid_file = tmp_path / "grandchild"
    script = (
        "import pathlib, subprocess, sys\n"
        f"grandchild = subprocess.Popen([sys.executable, '-c', 'import time; {WAIT}'])\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(grandchild.pid))\n"
        f"{PATIENT}"
    )
    run = supervise(web=script)
    run.wait_for("ready")
    grandchild = int(pid_file.read_text())

    os.kill(run.children()[0], signal.SIGKILL)

    polling.until(lambda: not is_alive(grandchild), MINUTE, "the grandchild lives on")
