"""Makes a photo's renditions again from its original. Until the new ones are there, the old ones are what people get.

They come under fresh keys, as a worker writes them: noted as leftovers, written, published in one transaction with the end of
the old ones, whose bytes go after it. An original is never touched.
"""

import uuid
from collections.abc import Callable

from django.db import transaction

from albums import likeness
from albums.models import Leftover, Photo, Rendition
from processing import failpoints, publishing, worker
from processing.failpoints import Point
from processing.models import Finding
from processing.storage import store


def renew(photo: Photo, claim: uuid.UUID, let_go: Callable[[], None] = lambda: None) -> None:
    """`let_go` ends the claim in the transaction that publishes; it raises when the claim was lost, and nothing is published.

    Raises a Refused, OSError or Photo.DoesNotExist when nothing comes of it.
    """
    with store().scratch(f"again-{claim.hex}") as work, store().borrow(photo.original_key) as original:
        picture = worker.sandbox().develop(original, work, is_damaged=publishing.is_damaged(photo))
        renditions, files = publishing.renditions(photo, picture, claim)
        Leftover.note(list(files), hold=claim)
        store().adopt(files)
    failpoints.reach(Point.BEFORE_RENDITIONS)
    with transaction.atomic():
        let_go()
        there = Photo.objects.select_for_update().get(pk=photo.pk)
        likeness.note(there, picture.likeness)
        # What is new has to be read back like what is restored: the background check begins with it.
        Photo.objects.filter(pk=photo.pk).update(checked_at=None, **publishing.looks(picture))
        old = Rendition.objects.filter(photo=photo)
        Finding.objects.filter(key__in=old.values("key")).delete()
        old.delete()
        Rendition.objects.bulk_create(renditions)
        Leftover.objects.filter(hold=claim).delete()
    if gone := [key for key in files if not store().exists(key)]:
        raise FileNotFoundError(f"A sweep came in between and took {', '.join(gone)}. Try again.")
