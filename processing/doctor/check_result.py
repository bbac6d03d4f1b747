"""The result of one check of the doctor. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class CheckState(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's result. `code` is stable, for programs; `words` describe the result, `remedy` what to do about it."""

    code: str
    state: CheckState
    title: str
    words: str
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
    return [asdict(diagnosis) for diagnosis in diagnoses]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(**(row | {"state": CheckState(row["state"])})) for row in rows)
