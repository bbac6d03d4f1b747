"""A pytest plugin: writes each failure as a line of JSON to the file that FAILURES_FILE names, for `tests/run.py` to read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

VARIABLE = "FAILURES_FILE"


@dataclass(frozen=True, slots=True)
class Failure:
    test: str
    """The test's node ID."""
    seconds: float
    reason: str


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")  # workers send their reports to the controller, which writes them
    if VARIABLE in os.environ and not is_worker:
        config.pluginmanager.register(Recorder(Path(os.environ[VARIABLE])), "failure recorder")


class Recorder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            failure = Failure(report.nodeid, round(report.duration, 1), _reason(report))
            with self._path.open("a") as file:
                file.write(json.dumps(asdict(failure)) + "\n")


def _reason(report: pytest.TestReport) -> str:
    """The first line of the exception's message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash else str(report.longrepr)
    return message.strip().partition("\n")[0]


def read(path: Path) -> dict[str, Failure]:
    """Return the failures by test; for a test that failed in its body and in its teardown, the first."""
    failures: dict[str, Failure] = {}
    for line in path.read_text().splitlines():
        failure = Failure(**json.loads(line))
        failures.setdefault(failure.test, failure)
    return failures
