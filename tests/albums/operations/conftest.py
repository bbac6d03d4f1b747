"""An action for tests: it appends a letter to the camera of each photo."""

import time

import pytest

from albums import operations
from albums.models import Operation, Photo
from albums.operations import Action, Result, actions, engine


class Mark(Action):
    kind = "mark"

    def __init__(self) -> None:
        self.error: Exception | None = None

    def apply(self, operation: Operation, photos: list[Photo]) -> Result:
        if self.error:
            raise self.error
        before = {str(photo.pk): photo.camera for photo in photos}
        for photo in photos:
            Photo.objects.filter(pk=photo.pk).update(camera=photo.camera + operation.params["letter"])
        return Result(before, len(photos))

    def undo(self, operation: Operation, inverse: dict[str, str]) -> int:
        unrestored = 0
        for pk, camera in inverse.items():
            changed = Photo.objects.filter(pk=pk, camera=camera + operation.params["letter"]).update(camera=camera)
            unrestored += 1 - changed
        return unrestored

    def summary(self, operation: Operation) -> str:
        return f"{operation.done} photos were marked."


@pytest.fixture
def mark(monkeypatch) -> Mark:
    """The registered action. Steps have two photos."""
    action = Mark()
    monkeypatch.setattr(actions, "_actions", dict(actions._actions))
    operations.register(action)
    monkeypatch.setattr(engine, "STEP_PHOTOS", 2)
    return action


@pytest.fixture
def one_step_a_request(monkeypatch) -> None:
    """A request has no time for a second step."""
    monkeypatch.setattr(engine, "REQUEST_SECONDS", -time.monotonic())
