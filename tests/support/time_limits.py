"""A pytest plugin: no test can hang, and one that exceeds its limit reports the stacks of all threads.

pytest-timeout reads the limit: 60 s unless a marker says otherwise (`LIMITS` below, or `@pytest.mark.timeout(seconds)`). It grows
with the machine's load. At the limit, SIGALRM raises in the test, so its fixtures are torn down. If that does not end the test
within GRACE_SECONDS (it is stuck in C code or in its teardown), a watchdog writes the stacks to stderr and ends the process;
pytest-xdist counts the test as failed and continues with a new worker process.

Playwright's event loop does not survive an exception raised by a signal handler: only the watchdog ends a test that drives
Chromium. Playwright's own time-outs, 20 s for each action, come long before that.
"""

import faulthandler
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep  # imported by name, because tests replace the module's functions
from types import FrameType

import pytest
from pytest_timeout import Settings

GRACE_SECONDS = 60
MAX_LOAD_FACTOR = 10
LIMITS = {"long": 3600, "browser": 900, "faults": 900, "servers": 900}
"""Seconds by marker; of several, the first counts. They only end hung tests, and allow for a machine ten times slower."""


class Watchdog:
    """Ends this process when a test has exceeded its limit and cannot be ended otherwise."""

    def __init__(self, stderr: int) -> None:
        self._stderr = stderr
        self._deadline = float("inf")
        self._test = ""
        threading.Thread(target=self._watch, name="watchdog of tests", daemon=True).start()

    def arm(self, test: str, seconds: float) -> None:
        self._test, self._deadline = test, monotonic() + seconds

    def extend(self, seconds: float) -> None:
        self._deadline = max(self._deadline, monotonic() + seconds)

    def disarm(self) -> None:
        self._deadline = float("inf")

    def _watch(self) -> None:
        while True:
            sleep(1)
            if monotonic() > self._deadline:
                os.write(
                    self._stderr, f"\n{self._test} exceeded its time limit and is ended with its process\n".encode()
                )
                faulthandler.dump_traceback(self._stderr)
                os._exit(1)


WATCHDOG = pytest.StashKey[Watchdog]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[WATCHDOG] = Watchdog(os.dup(2))  # output is not captured yet


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("timeout"):
            seconds = next((LIMITS[name] for name in LIMITS if item.get_closest_marker(name)), None)
            if seconds:
                item.add_marker(pytest.mark.timeout(seconds))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    finally:
        item.config.stash[WATCHDOG].disarm()


def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool:
    """In place of pytest-timeout's own, which loses the stacks of a process of pytest-xdist."""
    drives_chromium = item.get_closest_marker("browser") is not None
    watchdog = item.config.stash[WATCHDOG]
    watchdog.arm(item.nodeid, settings.timeout + (0 if drives_chromium else GRACE_SECONDS))
    if not drives_chromium:
        remaining_extension = (MAX_LOAD_FACTOR - 1) * settings.timeout

        def end_test(_: int, __: FrameType | None) -> None:
            __tracebackhide__ = True
            nonlocal remaining_extension
            extension = min(remaining_extension, (load_factor() - 1) * settings.timeout)
            if extension > 1:
                remaining_extension -= extension
                watchdog.extend(extension + GRACE_SECONDS)
                signal.setitimer(signal.ITIMER_REAL, extension)
                return
            item.add_report_section("call", "stacks of all threads", stacks())
            pytest.fail(f"Not done within {settings.timeout:g} s")

        signal.signal(signal.SIGALRM, end_test)
        signal.setitimer(signal.ITIMER_REAL, settings.timeout)
    return True


def pytest_timeout_cancel_timer() -> bool:
    """The watchdog stays armed for the teardown."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    """Leaves out entries without a line: pytest cannot print them, and would end the whole run.

    Python names no line for some places where the exception of a signal handler may be raised.
    """
    entry = call.excinfo.tb if call.excinfo else None
    while entry and entry.tb_next:
        if entry.tb_next.tb_lineno is None:
            entry.tb_next = entry.tb_next.tb_next
        else:
            entry = entry.tb_next
    return (yield)


@pytest.fixture(scope="session")
def more_time(pytestconfig: pytest.Config) -> Callable[[float], None]:
    """Extends the time limit of the current test, which is the first to use a shared resource and therefore creates it."""

    def allow(seconds: float) -> None:
        pytestconfig.stash[WATCHDOG].extend(seconds + GRACE_SECONDS)
        if remaining := signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, remaining + seconds)

    return allow


def load_factor() -> float:
    """How many times longer work takes than on an idle machine, at least 1: processes that run or wait, per processor."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def stacks() -> str:
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        return file.read().decode(errors="replace")
