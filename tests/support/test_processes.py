"""tests/support/processes.py: nothing that tests start outlives them."""

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
def test_a_process_dies_with_the_one_that_started_it(end):
    done = subprocess.run(
        [sys.executable, "-c", STARTS_ANOTHER.format(end=end)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=50,
        check=False,
    )

    polling.until(lambda: not processes.is_alive(int(done.stdout)), 50, "it lives on")


def test_a_process_whose_parent_is_gone_already_never_begins(tmp_path):
    """As if the parent had died before the kernel knew that the child is to die with it."""
    begun = tmp_path / "begun"
    nobody = "1" if os.getpid() != 1 else "2"

    done = subprocess.run(
        ["/bin/sh", "-c", processes.UNLESS_ORPHANED, "sh", nobody, "touch", str(begun)], timeout=50, check=False
    )

    assert (done.returncode, begun.exists()) == (1, False)


def test_a_process_that_is_stopped_goes_on_afterwards():
    process = processes.start(["sleep", "300"])
    try:
        with processes.stopped(process.pid):
            assert processes.is_alive(process.pid)
        processes.stop(process)
    finally:
        processes.kill(process)

    assert process.returncode == -signal.SIGTERM
    assert not processes.is_alive(process.pid)
