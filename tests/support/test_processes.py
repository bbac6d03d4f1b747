"""tests/support/processes.py: no process that tests start outlives them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import polling
from tests.support import processes

PROJECT = Path(__file__).parent.parent.parent
STARTS_ANOTHER = """
import os, signal
from tests.support import processes
print(processes.start(["sleep", "300"]).pid, flush=True)
{end}
"""


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_ends_with_the_process_that_started_it(end):
    starter = subprocess.run(
        [sys.executable, "-c", STARTS_ANOTHER.format(end=end)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=50,
        check=False,
    )

    polling.until(lambda: not processes.is_alive(int(starter.stdout)), 50, "it lives on")


def test_a_process_whose_parent_has_already_died_does_not_start(tmp_path):
    """As if the parent had died before the child set its parent-death signal."""
    marker = tmp_path / "begun"
    another_pid = "1" if os.getpid() != 1 else "2"

    process = subprocess.run(
        ["/bin/sh", "-c", processes.UNLESS_ORPHANED, "sh", another_pid, "touch", str(marker)], timeout=50, check=False
    )

    assert (process.returncode, marker.exists()) == (1, False)


def test_a_stopped_process_continues_after_the_context():
    process = processes.start(["sleep", "300"])
    try:
        with processes.stopped(process.pid):
            assert processes.is_alive(process.pid)
        processes.stop(process)
    finally:
        processes.kill(process)

    assert process.returncode == -signal.SIGTERM
    assert not processes.is_alive(process.pid)
