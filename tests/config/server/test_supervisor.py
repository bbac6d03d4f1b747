"""The supervisor, with small real processes instead of web server and worker."""

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
    "while True: time.sleep(0.05)"  # one long sleep would delay a signal that arrives just before it
)


def restore_sighup() -> None:
    """Restores the default action of SIGHUP, because nohup makes processes and their children ignore it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Supervised:
    """A supervisor in its own process."""

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
                preexec_fn=restore_sighup,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str, times: int = 1) -> None:
        polling.until(lambda: self.output.count(text) >= times, MINUTE, f"{text!r} is not said {times} times")

    def children(self, name: str = "") -> list[int]:
        """The process ids that `READY` printed, of all children or of those with a name, dead ones included."""
        return [int(pid) for pid in re.findall(rf"^{name}.*\| ready (\d+)\n", self.output, re.MULTILINE)]


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
    """Whether a process runs. A zombie does not: it has ended, and only its parent has not read its status yet."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_delay_before_a_restart_grows_with_quick_deaths_up_to_a_maximum():
    assert [supervisor.restart_delay(deaths) for deaths in (0, 1, 2, 3, 4, 5, 6, 50)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_output_of_children_is_passed_on_with_their_names(supervise):
    supervised = supervise(
        web="print('good morning'); " + PATIENT, worker="import sys; print('oops', file=sys.stderr); " + PATIENT
    )

    supervised.wait_for("ready", 2)

    assert {"web    | good morning", "worker | oops"} <= set(supervised.output.splitlines())


def test_a_last_line_without_line_feed_is_passed_on(supervise):
    supervised = supervise(web="print('no more', end='', flush=True)")

    supervised.wait_for("web | no more\n")


def test_a_child_that_dies_is_restarted(supervise):
    supervised = supervise(web=PATIENT, worker=PATIENT)
    supervised.wait_for("ready", 2)
    [web], [worker] = supervised.children("web"), supervised.children("worker")

    os.kill(web, signal.SIGKILL)
    supervised.wait_for("ready", 3)

    assert "web ended by SIGKILL; restarting in 1 s" in supervised.output
    assert is_alive(worker)


def test_a_child_that_dies_at_once_is_restarted_after_growing_delays(supervise):
    supervised = supervise(web="raise SystemExit(3)")

    supervised.wait_for("restarting in 2 s")

    assert re.findall(r"web ended with status 3; restarting in (\d+) s", supervised.output)[:2] == ["1", "2"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_children_cleanly(supervise, signal_number):
    supervised = supervise(web=TIDY, worker=TIDY)
    supervised.wait_for("ready", 2)
    children = supervised.children()

    supervised.process.send_signal(signal_number)

    assert supervised.process.wait(MINUTE) == 0
    assert supervised.output.count("tidied up") == 2
    assert [pid for pid in children if is_alive(pid)] == []


def test_a_child_that_does_not_end_is_killed_after_the_timeout(supervise):
    supervised = supervise(web=STUBBORN, patience=0.3)
    supervised.wait_for("ready")

    supervised.process.terminate()

    assert supervised.process.wait(MINUTE) == 0
    assert "web ended by SIGKILL" in supervised.output


def test_a_second_signal_kills_at_once(supervise):
    supervised = supervise(web=STUBBORN)
    supervised.wait_for("ready")

    supervised.process.send_signal(signal.SIGINT)
    supervised.wait_for("Stopping")
    supervised.process.send_signal(signal.SIGINT)

    assert supervised.process.wait(MINUTE) == 0


def test_a_killed_supervisor_takes_its_children_along(supervise):
    supervised = supervise(web=PATIENT, worker=PATIENT)
    supervised.wait_for("ready", 2)
    children = supervised.children()

    supervised.process.kill()

    polling.until(lambda: not any(map(is_alive, children)), MINUTE, "the children live on")


def test_children_of_a_child_that_died_are_killed(supervise, tmp_path):
    pid_file = tmp_path / "grandchild"
    script = (
        "import pathlib, subprocess, sys\n"
        f"grandchild = subprocess.Popen([sys.executable, '-c', 'import time; {WAIT}'])\n"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(grandchild.pid))\n"
        f"{PATIENT}"
    )
    supervised = supervise(web=script)
    supervised.wait_for("ready")
    grandchild = int(pid_file.read_text())

    os.kill(supervised.children()[0], signal.SIGKILL)

    polling.until(lambda: not is_alive(grandchild), MINUTE, "the grandchild lives on")
