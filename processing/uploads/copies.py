"""Copies declared photos from other albums on the server, if their user chose that instead of uploading them again."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from albums import operations
from albums.models import Album, Operation, Photo, PhotoQuerySet
from albums.selection import Selection
from processing.uploads.manifest import Choice, Declared

KIND = "copy"
"""The action of albums/moving."""
UNDONE_SECONDS = 10
"""How long an undone copy is not made again: a client that waits for it declares its files every two seconds."""


def photos_elsewhere(album: Album, user: User, files: Sequence[Declared]) -> PhotoQuerySet:
    """Returns the photos with the bytes of these files in other albums of the user. Trashes do not count."""
    checksums = {file.sha256 for file in files if file.sha256}
    return Photo.objects.filter(original_sha256__in=checksums, trashed_at=None).visible_to(user).exclude(album=album)


def start(album: Album, user: User, files: Sequence[Declared]) -> Operation | None:
    """Copies the photos for which the user chose it. Returns the operation, which the queue may have to continue, if any.

    Idempotent: while such an operation runs, or was undone just now, it is returned. Copies what the album has not.
    """
    chosen = [file for file in files if file.choice == Choice.COPY]
    if not chosen:
        return None
    latest = Operation.objects.filter(user=user, kind=KIND, params__album=album.pk).order_by("-pk").first()
    if latest and (latest.is_unfinished or _was_undone_now(latest)):
        return latest
    present = Photo.objects.filter(album=album, original_sha256__in={file.sha256 for file in chosen})
    sources = photos_elsewhere(album, user, chosen).exclude(original_sha256__in=present.values("original_sha256"))
    # One source for each checksum. A RAW is copied with the JPEG that it is shown with.
    rows = sources.order_by("-pk").values_list("original_sha256", "shown_as_id", "pk")
    leads = {sha256: lead or pk for sha256, lead, pk in rows}
    if not leads:
        return None
    selection = Selection(tuple(sorted(set(leads.values()))))
    return operations.start(user, KIND, {"album": album.pk, "known": 0}, selection)


def is_open(operation: Operation | None) -> bool:
    """True if files that are not copied yet must not be uploaded: the operation runs, or the user has undone it."""
    return operation is not None and (operation.is_unfinished or operation.state == Operation.State.UNDONE)


def _was_undone_now(operation: Operation) -> bool:
    since = timezone.now() - timedelta(seconds=UNDONE_SECONDS)
    return operation.state == Operation.State.UNDONE and operation.updated_at > since
