"""The registry of actions, and the class that a feature subclasses for each of its actions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from albums.models import Operation, Photo


@dataclass(frozen=True, slots=True)
class Result:
    """What a step did. `inverse`: JSON from which `Action.undo` undoes the step; None if there is nothing to undo."""

    inverse: Any
    done: int
    skipped: int = 0


class Action(ABC):
    kind: str
    """The name in the rows of operations. Stays the same: operations of the last day may be undone after an update."""
    is_undoable = True

    @abstractmethod
    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        """Changes the photos of one step, in the step's transaction.

        `photos`: at most STEP_PHOTOS, locked, in the order of their album. Each step has photos with higher ids than the last.
        Empty without a selection: then there is one step.
        """

    def undo(self, operation: Operation, inverse: Any) -> int:
        """Undoes one step, in a transaction. Returns how many photos or albums were not restored.

        Does not restore what has changed since the operation, or what the operation's user may not change any more.
        """
        raise NotImplementedError(f"{self.kind} cannot be undone")

    @abstractmethod
    def summary(self, operation: Operation) -> str:
        """Returns what was done, as a sentence for the toast: "12 photos were moved to Rome."."""


_actions: dict[str, Action] = {}


def register(action: Action) -> None:
    _actions[action.kind] = action


def find(kind: str) -> Action:
    return _actions[kind]
