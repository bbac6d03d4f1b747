"""Renders photos again on request, after the settings or the recipe have changed. The only writer of `Rerender`.

A `Rerender` row is a queued photo. A worker processes one when no job is due and no photo needs to be read back, so new photos
always come first. The claim works as for jobs: a worker that has lost it publishes nothing. A row with an expired lease is due
again.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Min, QuerySet
from django.utils import timezone

from albums import holds
from albums.columns import orientation
from albums.models import Leftover, Photo, Rendition
from albums.similar import hashes
from processing import jobs
from processing.capacity import admission
from processing.jobs import claims, wakeup
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.lib.iteration import chunks, one_by_one
from processing.models import Finding, ProcessingJob, Rerender
from processing.pipeline import Picture, Recipe
from processing.rendering import failure_reasons, photo_builder, presets, shared_sandbox
from processing.rendering.sandbox import Aborted
from processing.storage import store

log = logging.getLogger(__name__)

NO_ORIGINAL = ("original-missing", "The original is missing from storage. manage.py verify --repair may restore it.")
LOOKS_SINCE = 3
"""The first recipe version that computes the perceptual hash of every photo."""
LOST = ("worker-lost", "The worker stopped repeatedly while processing this photo.")


class Rotated(Exception):
    """A user rotated the photo while it was being rendered. The renditions have the former orientation, and are discarded."""


def select(photos: QuerySet[Photo], *, missing: bool = False, outdated: bool = False) -> Iterator[Photo]:
    """Yields the photos that match `missing` or `outdated`; all photos if neither is set.

    `missing`: a size, a format or the perceptual hash is missing, or a rendition is known to be lost or damaged.
    `outdated`: a rendition was made with another recipe than the current one, or before the photo was rotated.
    """
    recipe = presets.current()
    for photo in one_by_one(photos.select_related("perceptual_hash").prefetch_related("renditions", "findings")):
        is_chosen = (missing and _is_incomplete(photo, recipe)) or (outdated and _is_outdated(photo, recipe))
        if is_chosen or not (missing or outdated):
            yield photo


def enqueue(photos: Iterable[Photo]) -> int:
    """Queues the photos. Returns how many were added: a photo that is already queued keeps its turn."""
    turns: dict[int, int] = {}
    return sum(_enqueue(chunk, turns) for chunk in chunks(photos))


def cancel(photos: QuerySet[Photo]) -> int:
    """Removes the photos from the queue, including one in progress. Finished renditions stay. Returns how many."""
    return Rerender.objects.filter(photo__in=photos).delete()[0]


def render_next() -> bool:
    """Renders one queued photo again. Returns whether there was one. Never raises for a faulty photo.

    Does nothing while a job is due or the server is short of a resource.
    """
    if ProcessingJob.objects.due().exists() or admission.for_intake():
        return False
    row = _claim_next()
    if row is None:
        return False
    try:
        render_again(row.photo, row.claim or uuid.uuid4(), lambda: _finish(row))
    except (jobs.ClaimLost, Photo.DoesNotExist):
        log.info("Photo %s was not rerendered: the request was cancelled", row.photo_id)
    except Rotated:
        _claimed_rows(row).update(attempts=F("attempts") - 1, **claims.NO_CLAIM)
        wakeup.send_idle()
    except Aborted:
        _claimed_rows(row).update(attempts=F("attempts") - 1, **claims.NO_CLAIM)
    except FileNotFoundError:
        _fail(row, *NO_ORIGINAL)
    except holds.HoldLost:
        log.warning("Photo %s was not rerendered: a sweep may have deleted its files", row.photo_id)
        _fail(row, *failure_reasons.STORAGE)
    except Exception as error:  # noqa: BLE001 - the reason is logged and stored
        reason = failure_reasons.describe(error, f"Photo {row.photo_id}, while rerendering")
        _fail(row, reason.code, reason.message, is_final=reason.is_permanent)
    return True


def _is_outdated(photo: Photo, recipe: Recipe) -> bool:
    mark = orientation.marked(recipe.identifier, photo.orientation)
    return any(rendition.recipe != mark for rendition in photo.renditions.all())


def _is_incomplete(photo: Photo, recipe: Recipe) -> bool:
    """True if a rendition or the perceptual hash is missing, or a rendition is known to be lost or damaged.

    Renditions of the current recipe count as complete even if sizes are missing: some RAWs only contain a small preview.
    """
    renditions = photo.renditions.all()
    if {rendition.key for rendition in renditions} & {finding.key for finding in photo.findings.all()}:
        return True
    if renditions and not _is_outdated(photo, recipe):
        return False
    formats = ["webp", "avif"] if recipe.avif else ["webp"]
    expected = {(rung.edge, ending) for rung in recipe.rungs_for((photo.width, photo.height)) for ending in formats}
    return not expected <= {(rendition.edge, rendition.format) for rendition in renditions} or _lacks_look(photo)


def _lacks_look(photo: Photo) -> bool:
    """True if the perceptual hash was never computed. Since LOOKS_SINCE, a missing one means that the picture is almost flat."""
    if hasattr(photo, "perceptual_hash"):
        return False
    return any(presets.version(rendition.recipe) < LOOKS_SINCE for rendition in photo.renditions.all())


def _enqueue(photos: list[Photo], turns: dict[int, int]) -> int:
    with transaction.atomic():
        locked = Photo.objects.select_for_update().filter(pk__in=[photo.pk for photo in photos])
        photos = list(locked.only("album"))
        queued = set(Rerender.objects.waiting().filter(photo__in=photos).values_list("photo_id", flat=True))
        Rerender.objects.given_up().filter(photo__in=photos).delete()
        rows = [_row(photo, turns) for photo in photos if photo.pk not in queued]
        Rerender.objects.bulk_create(rows, ignore_conflicts=True)
        for _ in rows:
            wakeup.send_after_commit(wakeup.NO_JOB)
    return len(rows)


def _row(photo: Photo, turns: dict[int, int]) -> Rerender:
    """Returns an unsaved row. `turns` contains the next turn of each album that was read before."""
    if photo.album_id not in turns:
        front = Rerender.objects.waiting().aggregate(turn=Min("turn"))["turn"]
        last = Rerender.objects.waiting().filter(photo__album=photo.album_id).aggregate(turn=Max("turn"))["turn"]
        turns[photo.album_id] = claims.next_turn([front], [last])
    turn = turns[photo.album_id]
    turns[photo.album_id] += 1
    return Rerender(photo=photo, turn=turn)


def _claim_next() -> Rerender | None:
    while Rerender.objects.due().exists():
        with transaction.atomic():
            row = claims.lock_first(Rerender.objects.due(), "photo")
            if row is None:  # other workers have locked all due rows
                return None
            own_row = Rerender.objects.filter(pk=row.pk, claim=row.claim)
            if claims.are_attempts_spent(row):
                _give_up(own_row, *LOST)
                continue
            # Renders have no heartbeat, so the lease covers the longest one.
            claim = claims.new(timezone.now(), settings.PIPELINE_SECONDS + settings.LEASE_SECONDS)
            if own_row.update(attempts=F("attempts") + 1, **claim):
                row.claim = claim["claim"]
                row.attempts += 1
                return row
    return None


def _finish(row: Rerender) -> None:
    if not _claimed_rows(row).delete()[0]:
        raise jobs.ClaimLost


def _fail(row: Rerender, code: str, message: str, *, is_final: bool = False) -> None:
    """Schedules another attempt behind all other photos, until no attempts remain. The old renditions stay."""
    if is_final or claims.are_attempts_spent(row):
        _give_up(_claimed_rows(row), code, message)
        return
    delay = claims.retry_delay(row)
    last = Rerender.objects.waiting().aggregate(turn=Max("turn"))["turn"] or 0
    run_after = timezone.now() + timedelta(seconds=delay)
    _claimed_rows(row).update(turn=last, run_after=run_after, **claims.NO_CLAIM)
    wakeup.send(wakeup.NO_JOB, delay)


def _give_up(rows: QuerySet[Rerender], code: str, message: str) -> None:
    rows.update(error_code=code, error_message=message, **claims.NO_CLAIM)


def _claimed_rows(row: Rerender) -> QuerySet[Rerender]:
    return claims.held(Rerender.objects.all(), row)


def render_again(photo: Photo, claim: uuid.UUID, finish: Callable[[], None] | None = None) -> None:
    """Renders the photo again under the claim and replaces its renditions.

    `finish` ends the claim in the transaction that publishes. It must raise if the claim is lost; then nothing is published.
    Without it no row has the claim, and only the hold keeps sweeps from deleting the files. Raises ImageRejected, OSError,
    holds.HoldLost or Photo.DoesNotExist when the photo cannot be rendered, and Rotated when its orientation has changed since it
    was read.
    """
    with holds.renewed(claim):
        renditions, picture = _render(photo, claim)
        failpoints.reach(Point.BEFORE_RENDITIONS)
        _publish(photo, claim, renditions, picture, finish or (lambda: holds.ensure(claim)))


def _render(photo: Photo, claim: uuid.UUID) -> tuple[list[Rendition], Picture]:
    """Renders the photo and stores the files. Returns the unsaved renditions and the pipeline's result."""
    with store().scratch(f"again-{claim.hex}") as scratch, store().open_local(photo.original_key) as original:
        shared_sandbox.serve_owner_of(photo.album_id)
        picture = shared_sandbox.sandbox().develop(
            original, scratch, is_damaged=photo_builder.is_damaged(photo), user_orientation=photo.orientation
        )
        renditions, files = photo_builder.renditions(photo, picture, claim)
        Leftover.note(list(files), hold=claim)
        store().move_in(files)
    return renditions, picture


def _publish(
    photo: Photo, claim: uuid.UUID, renditions: list[Rendition], picture: Picture, finish: Callable[[], None]
) -> None:
    with transaction.atomic():
        # The photo before the row of the queue, like `enqueue`: the other order would deadlock with a user who rotates it.
        locked_photo = Photo.objects.select_for_update().get(pk=photo.pk)
        finish()
        if locked_photo.orientation != photo.orientation:
            raise Rotated
        hashes.save_hash(locked_photo, picture.perceptual_hash)
        # New renditions have to be read back: the background check starts with photos that have no `checked_at`.
        Photo.objects.filter(pk=photo.pk).update(checked_at=None, **photo_builder.display_columns(picture))
        old = Rendition.objects.filter(photo=photo)
        Finding.objects.filter(key__in=old.values("key")).delete()
        old.delete()
        Rendition.objects.bulk_create(renditions)
        holds.release(claim, len(renditions))
