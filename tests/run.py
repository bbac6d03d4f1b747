"""Runs a suite of tests and cleans up after it.

python -m tests.run affected [arguments of pytest]  what `make check` runs: what the changes since the commit BASE affect
python -m tests.run quick [arguments of pytest]     what `make test` runs
python -m tests.run all [arguments of pytest]       what `make test-all` runs
python -m tests.run rest [arguments of pytest]      what `all` runs beyond `quick`: what CI runs after it
python -m tests.run servers [arguments of pytest]   what `make faults` runs on PostgreSQL, Redis and S3

`all` and `rest` give each test that fails next to others a second chance, alone. One that passes then is listed as flaky; the
run still passes, unless there are more than MAX_FLAKY of them. The others give none.

A run never hangs and leaves nothing behind: it ends after MAX_SECONDS, and processes that outlive pytest are killed and named.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import affected, failures
from tests.support.failures import Failure

WITHOUT_PROCESSES = "not (browser or faults or servers or long)"
PARALLEL = ("-n", "3", "--dist", "worksteal")
WAITING = ("-n", "5", "--dist", "worksteal")
"""Tests that start processes often wait: five at a time keep two cores busy."""
MAX_SECONDS = 3600
MAX_FLAKY = 3
MAX_SECOND_CHANCES = 10
TESTS_FAILED, NO_TESTS = 1, 5
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Stack:
    """What the tests run on, and the command that runs pytest there."""

    name: str
    command: tuple[str, ...]


EMBEDDED = Stack("SQLite and the local disk", (sys.executable, "-m", "pytest"))
SERVERS = Stack("PostgreSQL, Redis and S3", (sys.executable, "-m", "tests.stack"))
GATEWAY = Stack("PostgreSQL, Redis and Ceph", (*SERVERS.command, "--gateway"))


@dataclass(frozen=True, slots=True)
class Suite:
    stack: Stack
    markers: str
    paths: tuple[str, ...] = ()
    parallel: tuple[str, ...] = PARALLEL


QUICK = (Suite(EMBEDDED, f"smoke or {WITHOUT_PROCESSES}"),)
ON_BOTH = Suite(SERVERS, WITHOUT_PROCESSES)
ALL = (Suite(EMBEDDED, "not long", parallel=WAITING), ON_BOTH)
REST = (Suite(EMBEDDED, f"not long and not ({QUICK[0].markers})", parallel=WAITING), ON_BOTH)
ON_SERVERS = (
    Suite(SERVERS, "faults and not long", parallel=WAITING),
    Suite(GATEWAY, "browser", parallel=WAITING),
)


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 when all tests passed, or failed only next to others and not too many of them."""
    mode, *pytest_arguments = arguments
    become_subreaper()
    if mode in ("all", "rest"):
        return run_with_second_chances({"all": ALL, "rest": REST}[mode], pytest_arguments)
    suites = (
        affected_suites(os.environ.get("BASE", ""))
        if mode == "affected"
        else {"quick": QUICK, "servers": ON_SERVERS}[mode]
    )
    return max((run_suite(suite, pytest_arguments) for suite in suites), key=abs, default=0)


def affected_suites(base: str) -> list[Suite]:
    selection = affected.select(affected.changed_files(base))
    print(f"\nThe changes affect {len(selection.affected)} modules of tests.")
    suites = []
    if selection.affected:
        suites.append(Suite(EMBEDDED, WITHOUT_PROCESSES, selection.affected))
    if selection.changed:
        suites.append(Suite(EMBEDDED, f"not long and not ({WITHOUT_PROCESSES})", selection.changed))
    if selection.changes_pages:
        suites.append(Suite(EMBEDDED, "smoke and browser", ("tests/browser",)))
    return suites


def run_suite(suite: Suite, arguments: Sequence[str], record: Path | None = None) -> int:
    print(f"\nTests on {suite.stack.name}: {suite.markers}", flush=True)
    status = run(suite.stack, (*suite.parallel, "-m", suite.markers, *suite.paths, *arguments), record)
    return 0 if status == NO_TESTS and suite.paths else status  # a module may have none with these markers


def run_with_second_chances(suites: Iterable[Suite], arguments: Sequence[str]) -> int:
    """Run all suites, then each failed test alone. Print the flaky ones."""
    failed: list[tuple[Stack, Failure]] = []
    for suite in suites:
        with tempfile.NamedTemporaryFile(prefix="darkroom-failures-") as file:
            status = run_suite(suite, arguments, Path(file.name))
            failed += [(suite.stack, failure) for failure in failures.read(Path(file.name)).values()]
        if status not in (0, TESTS_FAILED) or (status and not failed):
            return status
    if len(failed) > MAX_SECOND_CHANCES:
        print(f"\n{len(failed)} tests failed: too many for a second chance.")
        return TESTS_FAILED
    flaky: list[tuple[Stack, Failure]] = []
    broken: list[tuple[Stack, Failure]] = []
    for stack, failure in failed:
        print(f"\nA second chance, alone: {failure.test}", flush=True)
        passed = run(stack, ("-m", "", failure.test)) == 0
        (flaky if passed else broken).append((stack, failure))
    report("Flaky: failed next to other tests, passed alone", flaky)
    report("Failed twice", broken)
    if len(flaky) > MAX_FLAKY:
        print(f"\nMore than {MAX_FLAKY} flaky tests fail the run.")
    return TESTS_FAILED if broken or len(flaky) > MAX_FLAKY else 0


def report(heading: str, tests: Sequence[tuple[Stack, Failure]]) -> None:
    if not tests:
        return
    print(f"\n{heading}: {len(tests)}")
    for stack, failure in tests:
        print(f"  {failure.test} on {stack.name}, after {failure.seconds:g} s\n      {failure.reason}", flush=True)


def run(stack: Stack, arguments: Sequence[str], record: Path | None = None) -> int:
    """pytest's exit status, or that of SIGKILL when it exceeded MAX_SECONDS."""
    env = {name: value for name, value in os.environ.items() if name != failures.VARIABLE}  # a run within a run
    env |= {failures.VARIABLE: str(record)} if record else {}
    process = subprocess.Popen([*stack.command, *arguments], env=env)
    try:
        return wait(process, MAX_SECONDS)
    except KeyboardInterrupt:  # which pytest gets from the terminal too, and ends
        wait(process, 60)
        raise
    finally:
        kill_leftovers()


def wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit status of the process, which is killed after so many seconds. Orphans that end meanwhile are reaped."""
    deadline = time.monotonic() + seconds
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode
        if not pid:
            if time.monotonic() > deadline:
                print(f"\nThe tests are ended: not done within {seconds:g} s", flush=True)
                process.kill()
                return process.wait()
            time.sleep(0.1)


def become_subreaper() -> None:
    """Processes that lose their parent become children of this one, however they were started."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def kill_leftovers() -> None:
    while children := Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split():
        for pid in map(int, children):
            name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
            if name:  # a zombie has none
                print(f"Outlived the tests, killed: {name}", flush=True)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
