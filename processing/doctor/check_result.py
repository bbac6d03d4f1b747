"""The result of one check of the doctor. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

MESSAGE_KEY = "words"


class CheckState(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's result. `code` is stable, for programs; `message` describes the result, `remedy` what to do about it."""

    code: str
    state: CheckState
    title: str
    message: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == CheckState.GOOD


def good(code: str, title: str, message: str) -> CheckResult:
    return CheckResult(code, CheckState.GOOD, title, message)


def warning(code: str, title: str, message: str, remedy: str = "") -> CheckResult:
    return CheckResult(code, CheckState.WARNING, title, message, remedy)


def bad(code: str, title: str, message: str, remedy: str = "") -> CheckResult:
    return CheckResult(code, CheckState.BAD, title, message, remedy)


def as_json(diagnoses: Iterable[CheckResult]) -> list[dict[str, str]]:
    """Returns what `manage.py doctor --json` prints and Measurement stores; there the message is called "words"."""
    rows = [asdict(diagnosis) for diagnosis in diagnoses]
    return [{MESSAGE_KEY if name == "message" else name: text for name, text in row.items()} for row in rows]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[CheckResult, ...]:
    return tuple(
        CheckResult(row["code"], CheckState(row["state"]), row["title"], row[MESSAGE_KEY], row["remedy"])
        for row in rows
    )
