"""The registry of actions, and the class that a feature subclasses for each of its actions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from django.db import connection

from albums.models import Album, AlbumQuerySet, Operation, Photo, PhotoQuerySet


@dataclass(frozen=True, slots=True)
class Result:
    """What a step did. `inverse`: JSON from which `Action.undo` undoes the step; None if there is nothing to undo."""

    inverse: Any
    done: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Losses:
    """What the owners of albums lose when an operation is undone, for the security log."""

    what: str
    """As for `access.note_deletion`."""
    albums: AlbumQuerySet


class StepChanged(Exception):
    """The photos of a step are not as they were when it was prepared. The step is prepared and tried again."""


class Action(ABC):
    kind: str
    """The name in the rows of operations. Stays the same: operations of the last day may be undone after an update."""
    is_undoable = True
    step_photos: int | None = None
    """The maximum number of photos in a step; None: the engine's."""
    is_ordered = False
    """The steps are in the order of albums and positions, not of ids: for an action that gives its photos new positions."""

    def eligible(self, operation: Operation, photos: PhotoQuerySet) -> PhotoQuerySet:
        """The selected photos that the action may change. If `is_ordered`, without those that it has put elsewhere."""
        return photos

    def prepare(self, operation: Operation, photos: list[Photo]) -> Any:
        """Prepares a step before its transaction begins. `apply` finds the result in `operation.prepared`.

        The photos are not locked: if they changed meanwhile, `apply` raises StepChanged. May be called again after a crash.
        """
        return None

    def lock(self, operation: Operation, photos: PhotoQuerySet) -> None:
        """Locks other rows in the step's transaction, before the photos of the step are locked.

        By default, their albums: workers that publish photos and sorting lock the album first too. Otherwise PostgreSQL would
        find deadlocks. SQLite has one writer.
        """
        if connection.features.has_select_for_update:
            albums = Album.objects.filter(pk__in=set(photos.values_list("album_id", flat=True)))
            list(albums.order_by("pk").select_for_update(no_key=True))

    @abstractmethod
    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        """Changes the photos of one step, in the step's transaction.

        `photos`: at most `step_photos`, locked, in the order of their albums. Each step has photos with higher ids than the last,
        unless the action `is_ordered`. Empty without a selection: then there is one step.
        """

    def undo(self, operation: Operation, inverse: Any) -> int:
        """Undoes one step, in a transaction. Returns how many photos or albums were not restored.

        Does not restore what has changed since the operation, or what the operation's user may not change any more.
        """
        raise NotImplementedError(f"{self.kind} cannot be undone")

    def finish_undo(self, operation: Operation) -> None:
        """Called in a transaction when all steps are undone."""
        return

    def losses(self, operation: Operation) -> Losses | None:
        """The albums that undoing takes photos from or gives to another owner, as far as the user may do that."""
        return None

    @abstractmethod
    def summary(self, operation: Operation) -> str:
        """Returns what was done, as a sentence for the toast: "12 photos were moved to Rome."."""


_actions: dict[str, Action] = {}


def register(action: Action) -> None:
    _actions[action.kind] = action


def registered() -> list[Action]:
    return list(_actions.values())


def find(kind: str) -> Action:
    return _actions[kind]
