"""Renditions made again because a person asked for it, after the settings or the recipe have changed.

A photo that waits for it is a `Rerender` row, written here alone. A worker takes one when its bell finds no photo to develop and
none to read back: it never comes before new work. The claim is as a job's: a worker that lost it publishes nothing. A row whose
lease ran out is simply due again.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Min, QuerySet
from django.utils import timezone

from albums import likeness
from albums.models import Leftover, Photo, Rendition
from processing.capacity import admission
from processing.jobs import wakeup
from processing.lib import backoff, failpoints
from processing.lib.failpoints import Point
from processing.lib.iteration import chunks, one_by_one
from processing.models import Finding, ProcessingJob, Rerender
from processing.pipeline import Picture, Recipe, Refused
from processing.rendering import photo_builder, presets, shared_sandbox
from processing.rendering.sandbox import Aborted
from processing.storage import holds, store
from processing.storage.errors import StorageTrouble

log = logging.getLogger(__name__)

NO_ORIGINAL = ("original-missing", "Its original is not in storage. `manage.py verify --repair` may find it.")
STORAGE = ("storage", "The server could not read or write its storage.")
INTERNAL = ("internal", "Something unexpected went wrong on the server; its log says more.")
LOOKS_SINCE = 3
"""The recipe's version from which on every photo was looked at."""
LOST = ("worker-lost", "The worker stopped in the middle of this photo, again and again.")


class Stale(Exception):
    """The claim is lost: it was cancelled, or another worker has it."""


def chosen(photos: QuerySet[Photo], *, missing: bool = False, outdated: bool = False) -> Iterator[Photo]:
    """Those whose renditions are not what the settings ask for; all of them when neither is asked.

    `missing`: a size, a format or what the photo looks like is not there, or a rendition is known to be lost or damaged.
    `outdated`: some rendition was made by another recipe than the one that is set.
    """
    recipe = presets.current()
    for photo in one_by_one(photos.select_related("look").prefetch_related("renditions", "findings")):
        is_chosen = (missing and _lacks_some(photo, recipe)) or (outdated and _is_old(photo, recipe))
        if is_chosen or not (missing or outdated):
            yield photo


def ask(photos: Iterable[Photo]) -> int:
    """Have their renditions made again. Answers for how many that is new: who waits already keeps its place."""
    turns: dict[int, int] = {}
    return sum(_ask(chunk, turns) for chunk in chunks(photos))


def cancel(photos: QuerySet[Photo]) -> int:
    """Nothing more comes of those that wait, or of the one in work; what was made stays. Answers how many."""
    return Rerender.objects.filter(photo__in=photos).delete()[0]


def render_next() -> bool:
    """Make one photo's renditions again, unless there is one to develop, or a shortage of anything. Never raises for a photo."""
    if ProcessingJob.objects.due().exists() or admission.of_intake():
        return False
    row = _claim_next()
    if row is None:
        return False
    try:
        renew(row.photo, row.claim or uuid.uuid4(), lambda: _let_go(row))
    except (Stale, Photo.DoesNotExist):
        log.info("Photo %s is not rendered again: that was cancelled", row.photo_id)
    except Aborted:
        _held(row).update(claim=None, lease_until=None, attempts=F("attempts") - 1)
    except Refused as refused:
        _fail(row, refused.code, refused.message, is_final=refused.permanent)
    except FileNotFoundError:
        _fail(row, *NO_ORIGINAL)
    except holds.Lost:
        log.warning("Photo %s is not rendered again: a sweep may have taken its files", row.photo_id)
        _fail(row, *STORAGE)
    except StorageTrouble as trouble:
        log.warning("Photo %s is not rendered again: %s", row.photo_id, trouble)
        _fail(row, trouble.code, trouble.message, is_final=trouble.permanent)
    except OSError:
        log.exception("Photo %s: storage trouble while it was rendered again", row.photo_id)
        _fail(row, *STORAGE)
    except Exception:
        log.exception("Photo %s: unexpected trouble while it was rendered again", row.photo_id)
        _fail(row, *INTERNAL)
    return True


def _is_old(photo: Photo, recipe: Recipe) -> bool:
    return any(rendition.recipe != recipe.mark for rendition in photo.renditions.all())


def _lacks_some(photo: Photo, recipe: Recipe) -> bool:
    """What the recipe that is set has made is all that it makes, be it less than one would think: of some RAWs only a preview."""
    there = photo.renditions.all()
    if {rendition.key for rendition in there} & {finding.key for finding in photo.findings.all()}:
        return True
    if there and not _is_old(photo, recipe):
        return False
    formats = ["webp", "avif"] if recipe.avif else ["webp"]
    wanted = {(rung.edge, ending) for rung in recipe.fitting((photo.width, photo.height)) for ending in formats}
    return not wanted <= {(rendition.edge, rendition.format) for rendition in there} or _lacks_look(photo)


def _lacks_look(photo: Photo) -> bool:
    """Recipes did not tell it from the first. One that does has told that there is none: the picture is all but flat."""
    return not hasattr(photo, "look") and any(presets.version(it.recipe) < LOOKS_SINCE for it in photo.renditions.all())


def _ask(photos: list[Photo], turns: dict[int, int]) -> int:
    with transaction.atomic():
        photos = list(Photo.objects.select_for_update().filter(pk__in=[photo.pk for photo in photos]))
        waiting = set(Rerender.objects.waiting().filter(photo__in=photos).values_list("photo_id", flat=True))
        Rerender.objects.given_up().filter(photo__in=photos).delete()
        rows = [_row(photo, turns) for photo in photos if photo.pk not in waiting]
        Rerender.objects.bulk_create(rows, ignore_conflicts=True)
        for _ in rows:
            wakeup.ring_after_commit(wakeup.NO_JOB)
    return len(rows)


def _row(photo: Photo, turns: dict[int, int]) -> Rerender:
    """Start-time fair queueing, as jobs have it: albums take turns, one photo each."""
    if photo.album_id not in turns:
        front = Rerender.objects.waiting().aggregate(turn=Min("turn"))["turn"]
        own = Rerender.objects.waiting().filter(photo__album=photo.album_id).aggregate(turn=Max("turn"))["turn"]
        turns[photo.album_id] = max(front or 0, 0 if own is None else own + 1)
    turn = turns[photo.album_id]
    turns[photo.album_id] += 1
    return Rerender(photo=photo, turn=turn)


def _claim_next() -> Rerender | None:
    while Rerender.objects.due().exists():
        with transaction.atomic():
            free = Rerender.objects.due().select_for_update(skip_locked=True, of=("self",))
            row = free.select_related("photo").first()
            if row is None:  # others are taking what there was
                return None
            mine = Rerender.objects.filter(pk=row.pk, claim=row.claim)
            if row.attempts >= settings.MAX_ATTEMPTS:
                _give_up(mine, *LOST)
                continue
            claim = uuid.uuid4()
            until = timezone.now() + timedelta(seconds=settings.PIPELINE_SECONDS + settings.LEASE_SECONDS)
            if mine.update(claim=claim, lease_until=until, attempts=F("attempts") + 1):
                row.claim = claim
                row.attempts += 1
                return row
    return None


def _let_go(row: Rerender) -> None:
    if not _held(row).delete()[0]:
        raise Stale


def _fail(row: Rerender, code: str, message: str, *, is_final: bool = False) -> None:
    """The old renditions stay. It is tried again, behind all others, until its attempts are spent."""
    if is_final or row.attempts >= settings.MAX_ATTEMPTS:
        _give_up(_held(row), code, message)
        return
    delay = backoff.delay(row.attempts, settings.BACKOFF_BASE_SECONDS, settings.BACKOFF_MAX_SECONDS)
    last = Rerender.objects.waiting().aggregate(turn=Max("turn"))["turn"] or 0
    _held(row).update(claim=None, lease_until=None, turn=last, run_after=timezone.now() + timedelta(seconds=delay))
    wakeup.ring(wakeup.NO_JOB, delay)


def _give_up(rows: QuerySet[Rerender], code: str, message: str) -> None:
    rows.update(claim=None, lease_until=None, error_code=code, error_message=message)


def _held(row: Rerender) -> QuerySet[Rerender]:
    return Rerender.objects.filter(pk=row.pk, claim=row.claim)


def renew(photo: Photo, claim: uuid.UUID, let_go: Callable[[], None] | None = None) -> None:
    """`let_go` ends the claim in the transaction that publishes; it raises when the claim was lost, and nothing is published.

    Without it the claim is nobody's but ours, and sweeps are kept off by its hold alone. Raises a Refused, OSError, holds.Lost
    or Photo.DoesNotExist when nothing comes of it.
    """
    with holds.held(claim):
        renditions, picture = _made(photo, claim)
        failpoints.reach(Point.BEFORE_RENDITIONS)
        _publish(photo, claim, renditions, picture, let_go or (lambda: holds.ensure(claim)))


def _made(photo: Photo, claim: uuid.UUID) -> tuple[list[Rendition], Picture]:
    """The unsaved renditions, whose files are stored."""
    with store().scratch(f"again-{claim.hex}") as work, store().borrow(photo.original_key) as original:
        shared_sandbox.serve_owner_of(photo.album_id)
        picture = shared_sandbox.sandbox().develop(original, work, is_damaged=photo_builder.is_damaged(photo))
        renditions, files = photo_builder.renditions(photo, picture, claim)
        Leftover.note(list(files), hold=claim)
        store().adopt(files)
    return renditions, picture


def _publish(
    photo: Photo, claim: uuid.UUID, renditions: list[Rendition], picture: Picture, let_go: Callable[[], None]
) -> None:
    with transaction.atomic():
        let_go()
        there = Photo.objects.select_for_update().get(pk=photo.pk)
        likeness.note(there, picture.likeness)
        # What is new has to be read back like what is restored: the background check begins with it.
        Photo.objects.filter(pk=photo.pk).update(checked_at=None, **photo_builder.looks(picture))
        old = Rendition.objects.filter(photo=photo)
        Finding.objects.filter(key__in=old.values("key")).delete()
        old.delete()
        Rendition.objects.bulk_create(renditions)
        holds.release(claim, len(renditions))
