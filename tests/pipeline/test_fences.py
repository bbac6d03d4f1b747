"""Whoever takes over the child that decodes finds no network, no programs and no other process. Tried by a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processing.pipeline import process, seccomp
from tests.pipeline import inmate

PROJECT = Path(__file__).parents[2]
FINE = {"start a thread": "done", "use clone3": "ENOSYS"}

pytestmark = pytest.mark.skipif(os.uname().machine not in seccomp.MACHINES, reason="no list of calls for this machine")


def outcome(attempt: str, *more: str) -> str:
    command = [sys.executable, "-m", "tests.pipeline.inmate", attempt, *more]
    done = subprocess.run(command, cwd=PROJECT, env=process.ENVIRONMENT, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


@pytest.mark.parametrize("attempt", inmate.ATTEMPTS)
def test_a_child_is_refused_all_that_a_decoder_does_not_need(attempt):
    assert outcome(attempt) == FINE.get(attempt, "PermissionError")


@pytest.mark.parametrize("attempt", ["open a TCP socket", "start a program"])
def test_without_the_fences_it_would_succeed(attempt):
    assert outcome(attempt, "unfenced") == "done"


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_every_machine_has_a_program_whose_jumps_end_inside_it(machine):
    code = seccomp.program(seccomp.MACHINES[machine])
    steps = [code[at : at + 8] for at in range(0, len(code), 8)]

    assert len(set(seccomp.MACHINES[machine].refused.values())) == len(seccomp.MACHINES[machine].refused)
    assert all(here + max(step[2], step[3]) < len(steps) for here, step in enumerate(steps))
    assert [step[0] for step in steps[-2:]] == [seccomp.ANSWER, seccomp.ANSWER]


def test_a_machine_without_the_filter_says_so_in_the_log(caplog):
    child = process.Child(512 * 1024 * 1024)
    child._greet({"ready": child.process.pid, "missing": "System calls are not filtered: no list for riscv64."})
    child.end()

    assert "one fence less than meant. System calls are not filtered" in caplog.text
