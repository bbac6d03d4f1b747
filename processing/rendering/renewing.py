"""Makes a photo's renditions again from its original. Until the new ones are there, the old ones are what people get.

They come under fresh keys, as a worker writes them: noted as leftovers, written, published in one transaction with the end of
the old ones, whose bytes go after it. An original is never touched.
"""

import uuid
from collections.abc import Callable

from django.db import transaction

from albums import likeness
from albums.models import Leftover, Photo, Rendition
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.models import Finding
from processing.pipeline import Picture
from processing.rendering import photo_builder, shared_sandbox
from processing.storage import holds, store


def renew(photo: Photo, claim: uuid.UUID, let_go: Callable[[], None] | None = None) -> None:
    """`let_go` ends the claim in the transaction that publishes; it raises when the claim was lost, and nothing is published.

    Without it the claim is nobody's but ours, and sweeps are kept off by its hold alone. Raises a Refused, OSError, holding.Lost
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
