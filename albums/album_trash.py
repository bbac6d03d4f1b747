"""Deleted albums: an album stays in the trash for TRASH_DAYS with all its photos, and can be restored until then.

The only writer of Album.trashed_at. Photos keep their rows and files; no page but that of deleted albums shows the album.
albums.removal deletes permanently.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.utils import timezone

from albums import removal
from albums.models import Album, Photo

put_in_trash = Signal()
"""Sent with `album` and `by`, the name of a person, when the album was moved to the trash: uploads to it have to stop."""


def put_away(album: Album, by: str) -> bool:
    """Move the album to the trash. False when there is none (TRASH_DAYS is 0), and the album was deleted permanently."""
    if not settings.TRASH_DAYS:
        removal.delete_album(album)
        return False
    now = timezone.now()
    if Album.objects.filter(pk=album.pk, trashed_at=None).update(trashed_at=now):
        album.trashed_at = now
    # After that is committed: from then on no upload to the album can begin.
    put_in_trash.send(sender=Album, album=album, by=by)
    return True


def restore(album: Album) -> bool:
    """Take the album out of the trash, with all that was in it. False when it is not there: it never was, or it is gone."""
    if not Album.objects.trashed().filter(pk=album.pk).update(trashed_at=None):
        return False
    album.trashed_at = None
    return True


def remove(album: Album, until: float | None = None) -> bool:
    """Delete an album in the trash permanently. False when it is not there any more, or not gone at `until`.

    `until`: as removal.delete_photos has it. The album counts as over from the beginning, so that the next purge deletes what is
    left of it, also when this process is killed.
    """
    over = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    Album.objects.filter(pk=album.pk, trashed_at__gt=over).update(trashed_at=over)
    theirs = _photos(album, over)
    removal.delete_photos(theirs, until)
    return not theirs.exists() and _delete_empty(album)


def purge(now: datetime, until: float | None = None) -> int:
    """Delete permanently the albums that have been in the trash for TRASH_DAYS, those that are longest there first.

    Returns how many are gone. `until`: as removal.delete_photos has it; the next purge goes on with the rest. An album that is
    restored meanwhile keeps what is left of it.
    """
    over = now - timedelta(days=settings.TRASH_DAYS)
    albums = 0
    for album in Album.objects.filter(trashed_at__lte=over).order_by("trashed_at", "pk"):
        theirs = _photos(album, over)
        removal.delete_photos(theirs, until)
        if theirs.exists():
            break
        albums += _delete_empty(album)
        if removal.is_over(until):
            break
    return albums


def _photos(album: Album, before: datetime) -> QuerySet[Photo]:
    """The album's photos, if it was moved to the trash before then.

    By a join, whose rows are all locked with the photos: the album cannot be restored while some of them are being deleted.
    """
    return Photo.objects.filter(album=album, album__trashed_at__lte=before)


def _delete_empty(album: Album) -> bool:
    """The row is locked first: an album that is being restored at this moment is either kept, or gone before it can be."""
    if not Album.objects.trashed().filter(pk=album.pk).exists():
        return False
    removal.emptied.send(sender=Album, album=album)
    with transaction.atomic():
        locked = Album.objects.select_for_update().trashed().filter(pk=album.pk).first()
        return bool(locked and locked.delete())
