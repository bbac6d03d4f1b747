"""The result of one check of the doctor. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A check's result. `code` is stable, for programs; `words` describe the result, `remedy` what to do about it."""

    code: str
    state: State
    title: str
    words: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == State.GOOD


def good(code: str, title: str, message: str) -> Diagnosis:
    return Diagnosis(code, State.GOOD, title, message)


def warning(code: str, title: str, message: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(code, State.WARNING, title, message, remedy)


def bad(code: str, title: str, message: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(code, State.BAD, title, message, remedy)


def as_json(diagnoses: Iterable[Diagnosis]) -> list[dict[str, str]]:
    return [asdict(diagnosis) for diagnosis in diagnoses]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[Diagnosis, ...]:
    return tuple(Diagnosis(**(row | {"state": State(row["state"])})) for row in rows)
