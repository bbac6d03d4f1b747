"""The trash of an album: a photo lies there for TRASH_DAYS with all its files, and can be put back until it is deleted for ever.

What is shown as one goes and comes back as one. The only writer of Photo.trashed_at. Deleting for ever is removal's: rows first,
bytes after the commit.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums import removal
from albums.models import Album, Photo


def put_away(photo: Photo) -> bool:
    """To its album's trash. False when there is none (TRASH_DAYS is 0), and the photo was deleted for ever."""
    if not settings.TRASH_DAYS:
        removal.delete_photos(Photo.objects.together(photo))
        return False
    now = timezone.now()
    if Photo.objects.together(photo).filter(trashed_at=None).update(trashed_at=now):
        photo.trashed_at = now
    return True


def put_back(photo: Photo) -> bool:
    """To where it was in its album. False when it is not in the trash: it never was, or it is gone."""
    if not Photo.objects.trashed().together(photo).update(trashed_at=None):
        return False
    photo.trashed_at = None
    return True


def put_all_back(album: Album) -> int:
    """Answers how many; a pair counts as the one that it is shown as."""
    with transaction.atomic():
        album.photos.trashed().exclude(shown_as=None).update(trashed_at=None)
        return album.photos.trashed().update(trashed_at=None)


def remove(photo: Photo) -> bool:
    """Delete a photo in the trash for ever. False when it is not there: it was put back, or is gone."""
    return bool(removal.delete_photos(Photo.objects.trashed().together(photo)))


def empty(album: Album, until: float | None = None) -> int:
    """Delete permanently all that is in the album's trash. Returns how many.

    `until`: see removal.delete_photos. They count as over from the beginning, so that the next purge deletes the rest, also
    when this process is killed.
    """
    over = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    album.photos.trashed().filter(trashed_at__gt=over).update(trashed_at=over)
    return removal.delete_photos(album.photos.trashed().leading(), until)


def purge(now: datetime, until: float | None = None) -> int:
    """Delete permanently what has been in the trash for TRASH_DAYS. Returns how many. `until`: see removal.delete_photos."""
    old = Photo.objects.filter(trashed_at__lte=now - timedelta(days=settings.TRASH_DAYS))
    return removal.delete_photos(old.leading(), until)
