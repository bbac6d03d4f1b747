"""Applies and undoes operations step by step. Each step is one transaction that also records how to undo it.

A request runs the first steps. If more remain, the queue continues, or the sweep after a crash. Any process may run any step: the
operation's row is locked during a step.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import OperationalError, transaction
from django.db.models import Count, Max, Q
from django.dispatch import Signal
from django.utils import timezone

from albums.models import Operation, Photo, PhotoQuerySet
from albums.operations import actions
from albums.operations.actions import Action, StepChanged
from albums.selection import Selection, SelectionError

log = logging.getLogger(__name__)

STEP_PHOTOS = 500
REQUEST_SECONDS = 1.0
"""How long a request applies steps before it shows the progress instead."""
UNDO_HOURS = 24
STALLED_SECONDS = 10
"""An unfinished operation without a step for this long has lost its message in the queue."""
MAX_FAILURES = 3
State = Operation.State
UNDOABLE = (State.RUNNING, State.DONE, State.STOPPED)

waiting = Signal()
"""Sent with `operation_id` when steps remain. The receiver makes the queue call `run`."""


def start(user: User, kind: str, params: dict[str, Any], selection: Selection | None = None) -> Operation:
    """Applies an action for up to REQUEST_SECONDS; the queue continues. Raises SelectionError for an empty selection."""
    operation = Operation(user=user, kind=actions.find(kind).kind, params=params)
    if selection is not None:
        counted = selection.photos(user).aggregate(last=Max("pk"), total=Count("pk"))
        if counted["last"] is None:
            raise SelectionError("nothing-selected", "The selected photos do not exist any more.")
        operation.selection = selection.to_json()
        operation.max_photo_id, operation.total = counted["last"], counted["total"]
    operation.save()
    return _run_in_request(operation)


def undo(operation: Operation) -> Operation:
    """Undoes what was done so far, for up to REQUEST_SECONDS; the queue continues. Has no effect the second time."""
    Operation.objects.filter(pk=operation.pk, state__in=UNDOABLE).update(
        state=State.UNDOING, failures=0, updated_at=timezone.now()
    )
    operation.refresh_from_db()
    return _run_in_request(operation)


def run(operation_id: int, until: float) -> bool:
    """Runs steps until time.monotonic() reaches `until`. Returns True if the caller should make the queue continue.

    Logs errors. The sweep tries a failed step again; after MAX_FAILURES the operation is stopped.
    """
    while _step_safely(operation_id):
        if time.monotonic() >= until:
            return True
    return False


def continue_stalled(until: float) -> int:
    """Continues operations that wait for a lost message or a stopped worker. Returns how many."""
    before = timezone.now() - timedelta(seconds=STALLED_SECONDS)
    stalled = Operation.objects.filter(state__in=[State.RUNNING, State.UNDOING], updated_at__lt=before)
    ids = list(stalled.order_by("updated_at").values_list("pk", flat=True)[:20])
    for pk in ids:
        if run(pk, until):
            waiting.send(sender=Operation, operation_id=pk)
    return len(ids)


def forget(now: datetime) -> int:
    """Deletes operations that are older than UNDO_HOURS, a few at a time. Returns how many."""
    old = Operation.objects.filter(created_at__lt=now - timedelta(hours=UNDO_HOURS))
    ids = list(old.exclude(state__in=[State.RUNNING, State.UNDOING]).values_list("pk", flat=True)[:100])
    Operation.objects.filter(pk__in=ids).delete()
    return len(ids)


def _run_in_request(operation: Operation) -> Operation:
    until = time.monotonic() + REQUEST_SECONDS
    try:
        while has_more := _step(operation.pk):
            if time.monotonic() >= until:
                break
    except OperationalError:  # a deadlock or a locked database: the queue tries again
        log.warning("A step of operation %s has to be repeated", operation.pk, exc_info=True)
        has_more = True
    if has_more:
        transaction.on_commit(lambda: waiting.send(sender=Operation, operation_id=operation.pk))
    operation.refresh_from_db()
    return operation


def _step_safely(operation_id: int) -> bool:
    try:
        return _step(operation_id)
    except Exception:
        log.exception("A step of operation %s failed", operation_id)
        return _count_failure(operation_id)


def _count_failure(operation_id: int) -> bool:
    """Stops the operation after MAX_FAILURES errors in a row. Returns False, so that the next attempt is made after a while."""
    with transaction.atomic():
        operation = Operation.objects.select_for_update().filter(pk=operation_id).first()
        if operation and operation.is_unfinished:
            operation.failures += 1
            if operation.failures >= MAX_FAILURES:
                operation.state = State.STOPPED
            _save(operation)
    return False


def _step(operation_id: int) -> bool:
    """Runs the next step. Returns True if more may remain."""
    prepared = _prepare(operation_id)
    try:
        return _run_step(operation_id, prepared)
    except StepChanged:
        return True


def _prepare(operation_id: int) -> Any:
    operation = Operation.objects.select_related("user").filter(pk=operation_id, state=State.RUNNING).first()
    if operation is None or operation.selection is None:
        return None
    action = actions.find(operation.kind)
    if type(action).prepare is Action.prepare:
        return None
    photos = list(_remaining(operation, action)[: _step_photos(action)])
    return action.prepare(operation, photos) if photos else None


def _run_step(operation_id: int, prepared: Any) -> bool:
    with transaction.atomic():
        operation = Operation.objects.select_for_update().select_related("user").filter(pk=operation_id).first()
        if operation is None or not operation.is_unfinished:
            return False
        operation.failures, operation.prepared = 0, prepared
        if operation.state == State.RUNNING:
            _apply(operation)
        else:
            _revert(operation)
        _save(operation)
    return operation.is_unfinished


def _apply(operation: Operation) -> None:
    action = actions.find(operation.kind)
    photos = _next_photos(operation, action)
    if photos or operation.selection is None:
        result = action.apply(operation, photos)
        operation.done += result.done
        operation.skipped += result.skipped
        if result.inverse is not None:
            operation.steps.create(inverse=result.inverse)
    if len(photos) < _step_photos(action):
        operation.state = State.DONE


def _next_photos(operation: Operation, action: Action) -> list[Photo]:
    """The photos of the next step, locked, in the order of their albums. Remembers the last one."""
    if operation.selection is None:
        return []
    photos, count = _remaining(operation, action), _step_photos(action)
    action.lock(operation, photos[:count])
    chunk = list(photos.select_for_update(of=("self",))[:count])
    if chunk:
        operation.last_photo_id = chunk[-1].pk
        if action.is_ordered:
            operation.params["after"] = [chunk[-1].album_id, chunk[-1].position, chunk[-1].pk]
    return sorted(chunk, key=lambda photo: (photo.album_id, photo.position, photo.pk))


def _step_photos(action: Action) -> int:
    return action.step_photos or STEP_PHOTOS


def _remaining(operation: Operation, action: Action) -> PhotoQuerySet:
    """The photos of the steps to come, in the order of the steps."""
    assert operation.selection is not None
    photos = Selection.from_json(operation.selection).photos(operation.user)
    photos = action.eligible(operation, photos.filter(pk__lte=operation.max_photo_id))
    if not action.is_ordered:
        return photos.filter(pk__gt=operation.last_photo_id).order_by("pk")
    if after := operation.params.get("after"):
        album, position, pk = after
        in_album = Q(position__gt=position) | Q(position=position, pk__gt=pk)
        photos = photos.filter(Q(album__gt=album) | Q(album=album) & in_album, album__gte=album)
    return photos.order_by("album_id", "position", "pk")


def _revert(operation: Operation) -> None:
    action = actions.find(operation.kind)
    step = operation.steps.order_by("-pk").first()
    if step is None:
        operation.state = State.UNDONE
        action.finish_undo(operation)
        return
    operation.kept += action.undo(operation, step.inverse)
    step.delete()


def _save(operation: Operation) -> None:
    operation.updated_at = timezone.now()
    operation.save()
