"""The test runner, with small suites instead of Darkroom's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import failures
from tests.support.affected import ROOT

pytestmark = pytest.mark.faults

RUN = """
import sys
from tests import run
run.MAX_SECONDS = {seconds}
stack = run.Stack("a stack", (sys.executable, "-m", "pytest", "-c", {ini!r}, "-p", "tests.support.failures"))
run.ALL = (run.Suite(stack, "", parallel=()),)
run.QUICK = run.ALL
sys.exit(run.main([{mode!r}, {folder!r}]))
"""
FLAKY = """
from pathlib import Path

def test_flaky_{number}(request):
    marker = Path(__file__).with_name("ran-{number}")
    ran_before = marker.exists()
    marker.touch()
    assert ran_before, "disturbed by others"
"""
BROKEN = "def test_broken(): assert not 'broken'"
HANGING = "def test_hanging(): import time; time.sleep(600)"
LEAVING = """
import subprocess
def test_leaving(): subprocess.run("setsid sleep 601 &", shell=True)
"""


def run(folder: Path, *, mode: str = "all", seconds: int = 600, **modules: str) -> tuple[int, str]:
    """Run a suite of these modules; return the exit status and the output."""
    for name, source in modules.items():
        (folder / f"test_{name}.py").write_text(source)
    ini = folder / "pytest.ini"
    ini.write_text("[pytest]\n")
    code = RUN.format(ini=str(ini), folder=str(folder), mode=mode, seconds=seconds)
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return process.returncode, process.stdout + process.stderr


def test_a_test_that_passes_alone_is_listed_as_flaky_and_the_run_passes(tmp_path: Path) -> None:
    status, output = run(tmp_path, flaky=FLAKY.format(number=1))

    assert status == 0, output
    listed = output.partition("Flaky: failed next to other tests, passed alone: 1\n")[2].splitlines()
    assert listed[0].strip().startswith("test_flaky.py::test_flaky_1 on a stack, after ")
    assert listed[1].strip() == "AssertionError: disturbed by others"


def test_more_than_three_flaky_tests_fail_the_run(tmp_path: Path) -> None:
    status, output = run(tmp_path, flaky="".join(FLAKY.format(number=number) for number in range(4)))

    assert status == 1, output
    assert "passed alone: 4\n" in output
    assert "More than 3 flaky tests fail the run." in output


def test_a_test_that_also_fails_alone_fails_the_run(tmp_path: Path) -> None:
    status, output = run(tmp_path, flaky=FLAKY.format(number=1), broken=BROKEN)

    assert status == 1, output
    assert "passed alone: 1\n" in output
    assert "Failed twice: 1\n  test_broken.py::test_broken on a stack" in output


def test_the_quick_suite_repeats_no_failed_test(tmp_path: Path) -> None:
    status, output = run(tmp_path, mode="quick", flaky=FLAKY.format(number=1))

    assert status == 1, output
    assert "Flaky" not in output


def test_a_nested_run_does_not_write_to_the_outer_failures_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = tmp_path / "failures"
    outer.touch()
    monkeypatch.setenv(failures.VARIABLE, str(outer))

    status, output = run(tmp_path, mode="quick", broken=BROKEN)

    assert status == 1, output
    assert outer.read_text() == ""


def test_a_module_that_cannot_be_imported_fails_the_run(tmp_path: Path) -> None:
    status, output = run(tmp_path, broken="import nothing_of_this_name")

    assert status != 0, output


def test_a_run_without_tests_fails(tmp_path: Path) -> None:
    status, output = run(tmp_path, empty="")

    assert status == 5, output


def test_a_run_that_hangs_is_ended(tmp_path: Path) -> None:
    status, output = run(tmp_path, seconds=5, hanging=HANGING)

    assert status != 0
    assert "not done within 5 s" in output


def test_processes_that_outlive_the_tests_are_killed_and_named(tmp_path: Path) -> None:
    status, output = run(tmp_path, leaving=LEAVING)

    assert status == 0, output
    assert "Outlived the tests, killed: sleep 601" in output
    assert subprocess.run(["pgrep", "-f", "sleep 601"], check=False, capture_output=True).stdout == b""
