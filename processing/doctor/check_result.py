"""One finding of the doctor. Pure."""

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
    """`code` is stable, for programs; `words` say what is so, `remedy` what to do about it."""

    code: str
    state: State
    title: str
    words: str
    remedy: str = ""

    @property
    def is_good(self) -> bool:
        return self.state == State.GOOD


def good(code: str, title: str, words: str) -> Diagnosis:
    return Diagnosis(code, State.GOOD, title, words)


def warning(code: str, title: str, words: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(code, State.WARNING, title, words, remedy)


def bad(code: str, title: str, words: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(code, State.BAD, title, words, remedy)


def as_json(diagnoses: Iterable[Diagnosis]) -> list[dict[str, str]]:
    return [asdict(diagnosis) for diagnosis in diagnoses]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[Diagnosis, ...]:
    return tuple(Diagnosis(**(row | {"state": State(row["state"])})) for row in rows)
