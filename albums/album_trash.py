"""Deleted albums: an album stays in the trash for TRASH_DAYS with all its photos, and can be restored until then.

The only writer of Album.trashed_at. Photos keep their rows and files. Only the page of deleted albums shows the album.
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
"""Sent with `album` and `by`, a user name, after the album was moved to the trash. Receivers stop uploads to it."""


def move_to_trash(album: Album, by: str) -> bool:
    """Moves the album to the trash. If there is none (TRASH_DAYS is 0), deletes it permanently and returns False."""
    if not settings.TRASH_DAYS:
        removal.delete_album(album)
        return False
    now = timezone.now()
    if Album.objects.filter(pk=album.pk, trashed_at=None).update(trashed_at=now):
        album.trashed_at = now
    # Sent after the update is committed: from then on no upload to the album can begin.
    put_in_trash.send(sender=Album, album=album, by=by)
    return True


def restore(album: Album) -> bool:
    """Restores the album with all its photos. False when it is not in the trash or was deleted."""
    if not Album.objects.trashed().filter(pk=album.pk).update(trashed_at=None):
        return False
    album.trashed_at = None
    return True


def remove(album: Album, until: float | None = None) -> bool:
    """Deletes an album in the trash permanently. False when it was not in the trash, or was not completely deleted by `until`.

    `until`: see removal.delete_photos. The album is marked as expired first, so that the next purge deletes the remaining photos
    even if this process is killed.
    """
    expired_at = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    Album.objects.filter(pk=album.pk, trashed_at__gt=expired_at).update(trashed_at=expired_at)
    photos = _photos(album, expired_at)
    removal.delete_photos(photos, until)
    return not photos.exists() and _delete_empty(album)


def purge(now: datetime, until: float | None = None) -> int:
    """Deletes albums permanently that have been in the trash for TRASH_DAYS, the oldest first. Returns how many.

    `until`: see removal.delete_photos; the next purge continues. An album that is restored meanwhile keeps its remaining photos.
    """
    expired_at = now - timedelta(days=settings.TRASH_DAYS)
    count = 0
    for album in Album.objects.filter(trashed_at__lte=expired_at).order_by("trashed_at", "pk"):
        photos = _photos(album, expired_at)
        removal.delete_photos(photos, until)
        if photos.exists():
            break
        count += _delete_empty(album)
        if removal.is_over(until):
            break
    return count


def _photos(album: Album, before: datetime) -> QuerySet[Photo]:
    """The album's photos, if the album was moved to the trash before that time.

    The query joins the album, so that locking the photos also locks its row: it cannot be restored while they are deleted.
    """
    return Photo.objects.filter(album=album, album__trashed_at__lte=before)


def _delete_empty(album: Album) -> bool:
    """Locks the album's row, then deletes it. An album that is being restored is either kept or deleted first."""
    if not Album.objects.trashed().filter(pk=album.pk).exists():
        return False
    removal.emptied.send(sender=Album, album=album)
    with transaction.atomic():
        locked = Album.objects.select_for_update().trashed().filter(pk=album.pk).first()
        return bool(locked and locked.delete())
