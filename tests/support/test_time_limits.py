"""Hung tests are ended, in a small suite with limits of one second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.affected import ROOT

pytestmark = pytest.mark.faults

CONFTEST = """
from tests.support import time_limits
time_limits.GRACE_SECONDS, time_limits.LIMITS = 1, {"browser": 1}
pytest_plugins = ["pytest_timeout", "xdist.plugin", "tests.support.time_limits"]
"""
INI = """
[pytest]
timeout = 1
markers = browser: drives Chromium
"""
PASSING = "\ndef test_passing(): assert True\n"


def run(folder: Path, test: str) -> tuple[str, str]:
    """Run this test and one that passes; return pytest's summary, and all of its output."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_hanging.py").write_text("import os, threading, time, pytest\n" + test + PASSING)
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-rfEp"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    output = process.stdout + process.stderr
    return output.rpartition("short test summary info")[2], output


def test_a_test_over_its_limit_fails_with_the_stacks_of_all_threads(tmp_path: Path) -> None:
    summary, output = run(
        tmp_path,
        "def sleep_beside(): time.sleep(600)\n"
        "def test_hanging():\n"
        "    threading.Thread(target=sleep_beside, daemon=True).start()\n"
        "    time.sleep(600)\n",
    )

    assert "FAILED test_hanging.py::test_hanging - Failed: Not done within 1 s" in summary
    assert "PASSED test_hanging.py::test_passing" in summary
    assert "in sleep_beside" in output
    assert "in test_hanging" in output


def test_on_a_busy_machine_a_test_has_more_time_but_not_endless(tmp_path: Path) -> None:
    summary, _ = run(
        tmp_path,
        "from tests.support import time_limits\n"
        "time_limits.load_factor = lambda: 3.0\n"
        "time_limits.MAX_LOAD_FACTOR = 6\n"
        "def test_slow(): time.sleep(2)\n"
        "def test_hanging(): time.sleep(600)\n",
    )

    assert "PASSED test_hanging.py::test_slow" in summary
    assert "FAILED test_hanging.py::test_hanging - Failed: Not done within 1 s" in summary
    assert "PASSED test_hanging.py::test_passing" in summary


def test_a_test_that_waits_for_the_other_end_of_a_pipe_is_ended(tmp_path: Path) -> None:
    summary, _ = run(
        tmp_path, "def test_hanging(tmp_path):\n    os.mkfifo(tmp_path / 'pipe'); open(tmp_path / 'pipe', 'wb')\n"
    )

    assert "FAILED test_hanging.py::test_hanging - Failed: Not done within 1 s" in summary
    assert "PASSED test_hanging.py::test_passing" in summary


def test_a_test_that_is_ended_between_two_lines_fails_and_the_run_continues(tmp_path: Path) -> None:
    """Python sometimes names no line for the place where a signal's exception is raised; pytest alone ends the run then."""
    summary, _ = run(
        tmp_path,
        "def without_lines(): time.sleep(600)\n"
        "without_lines.__code__ = without_lines.__code__.replace(co_linetable=b'')\n"
        "def test_hanging(): without_lines()\n",
    )

    assert "FAILED test_hanging.py::test_hanging - Failed: Not done within 1 s" in summary
    assert "PASSED test_hanging.py::test_passing" in summary


@pytest.mark.parametrize("before", ["assert True", "assert not 'this'"])
def test_a_hung_teardown_ends_its_process_and_the_run_continues(tmp_path: Path, before: str) -> None:
    """Also after a failure, when pytest-timeout has cancelled its own timer."""
    summary, output = run(
        tmp_path,
        "@pytest.fixture\n"
        "def hanging():\n"
        "    yield\n"
        "    while True:\n"
        "        try: time.sleep(600)\n"
        "        except BaseException: pass\n"
        f"def test_hanging(hanging): {before}\n",
    )

    assert "crashed while running" in output
    assert "exceeded its time limit and is ended with its process" in output
    assert "in hanging" in output
    assert "PASSED test_hanging.py::test_passing" in summary


def test_a_hung_browser_test_is_ended_with_its_process(tmp_path: Path) -> None:
    summary, output = run(tmp_path, "@pytest.mark.browser\ndef test_hanging(): time.sleep(600)\n")

    assert "FAILED test_hanging.py::test_hanging" in summary or "crashed while running" in output
    assert "in test_hanging" in output
    assert "PASSED test_hanging.py::test_passing" in summary
