"""Operations: applied in steps, continued by the queue or the sweep, and undone."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from albums import operations
from albums.models import Album, Operation, OperationStep, Photo
from albums.operations import engine
from albums.selection import Selection, SelectionError
from processing import tasks
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db
FOREVER = float("inf")


def cameras(album: Album) -> list[str]:
    return [photo.camera for photo in album.photos.all()]


def start(album: Album, letter: str = "x", **selection) -> Operation:
    chosen = Selection(is_all=True, album_id=album.pk, **selection)
    return operations.start(album.owner, "mark", {"letter": letter}, chosen)


def test_an_action_is_applied_in_steps_and_undone(album, mark):
    fill(album, 5)

    operation = start(album)
    assert (operation.state, operation.total, operation.done) == ("done", 5, 5)
    assert (cameras(album), operation.steps.count()) == (["x"] * 5, 3)

    undone = engine.undo(operation)
    assert (undone.state, undone.kept) == ("undone", 0)
    assert (cameras(album), OperationStep.objects.count()) == ([""] * 5, 0)


def test_undoing_keeps_what_changed_since(album, mark):
    _, second = fill(album, 2)
    operation = start(album)
    Photo.objects.filter(pk=second.pk).update(camera="Leica")

    assert engine.undo(operation).kept == 1
    assert cameras(album) == ["", "Leica"]


def test_undoing_twice_has_no_effect(album, mark):
    fill(album, 2)
    operation = start(album)
    engine.undo(operation)
    start(album, "y")

    assert engine.undo(operation).state == "undone"
    assert cameras(album) == ["y", "y"]


@pytest.mark.usefixtures("one_step_a_request")
def test_the_queue_continues_what_a_request_has_no_time_for(album, mark, django_capture_on_commit_callbacks):
    fill(album, 5)
    HUEY.storage.flush_queue()

    with django_capture_on_commit_callbacks(execute=True):
        operation = start(album)
    assert (operation.state, cameras(album)) == ("running", ["x", "x", "", "", ""])

    tasks.continue_operation.call_local(*HUEY.dequeue().args)
    operation.refresh_from_db()
    assert (operation.state, operation.done, cameras(album)) == ("done", 5, ["x"] * 5)


@pytest.mark.usefixtures("one_step_a_request")
def test_the_sweep_continues_an_operation_without_steps_for_a_while(album, mark):
    fill(album, 5)
    operation = start(album)

    assert engine.continue_stalled(FOREVER) == 0
    Operation.objects.update(updated_at=timezone.now() - timedelta(seconds=engine.STALLED_SECONDS + 1))
    assert engine.continue_stalled(FOREVER) == 1
    operation.refresh_from_db()
    assert (operation.state, cameras(album)) == ("done", ["x"] * 5)


@pytest.mark.usefixtures("one_step_a_request")
def test_a_running_operation_is_stopped_and_undone(album, mark):
    fill(album, 5)
    operation = start(album)

    engine.undo(operation)
    engine.run(operation.pk, FOREVER)
    operation.refresh_from_db()
    assert (operation.state, cameras(album)) == ("undone", [""] * 5)


@pytest.mark.usefixtures("one_step_a_request")
def test_an_operation_stops_after_three_errors_and_can_be_undone(album, mark):
    fill(album, 5)
    operation = start(album)
    mark.error = OSError("the disk is full")

    for _ in range(engine.MAX_FAILURES):
        engine.run(operation.pk, FOREVER)
    operation.refresh_from_db()
    assert (operation.state, operation.done) == ("stopped", 2)

    engine.undo(operation)
    engine.run(operation.pk, FOREVER)
    assert cameras(album) == [""] * 5


@pytest.mark.usefixtures("one_step_a_request")
def test_photos_that_are_added_later_are_not_included(album, mark):
    fill(album, 3)
    operation = start(album)
    fill(album, 1)

    engine.run(operation.pk, FOREVER)
    assert cameras(album) == ["x", "x", "x", ""]


def test_an_empty_selection_starts_nothing(album, mark):
    with pytest.raises(SelectionError) as caught:
        start(album)
    assert (caught.value.code, Operation.objects.count()) == ("nothing-selected", 0)


def test_operations_are_forgotten_after_a_day(album, mark):
    fill(album, 1)
    start(album)
    recent = start(album)
    Operation.objects.exclude(pk=recent.pk).update(
        created_at=timezone.now() - timedelta(hours=engine.UNDO_HOURS, minutes=1)
    )

    assert engine.forget(timezone.now()) == 1
    assert list(Operation.objects.all()) == [recent]


def test_a_step_that_the_database_rejects_in_a_request_is_left_to_the_queue(
    album, mark, django_capture_on_commit_callbacks
):
    fill(album, 2)
    HUEY.storage.flush_queue()
    mark.error = OperationalError("deadlock detected")

    with django_capture_on_commit_callbacks(execute=True):
        operation = start(album)
    assert (operation.state, cameras(album)) == ("running", ["", ""])

    mark.error = None
    tasks.continue_operation.call_local(*HUEY.dequeue().args)
    assert cameras(album) == ["x", "x"]
