"""Files whose bytes an album has already: one definition for files that are declared, and for files that have arrived.

A photo with the same bytes counts under any name. A companion counts only with the same name, and so do sidecars that
are in progress: editors write identical sidecars for several photos.
"""

from collections.abc import Collection
from dataclasses import dataclass

from albums.models import Companion, Photo
from processing.jobs import name_matching
from processing.lib import sql
from processing.models import ProcessingJob, Upload
from processing.models.states import ACTIVE
from processing.uploads import rejections
from processing.uploads.rejections import RejectionReason

MATCHES_IN_ALBUM = """
    SELECT EXISTS (SELECT 1 FROM albums_photo WHERE album_id = %(album)s AND original_sha256 = %(sha256)s)
        OR EXISTS (SELECT 1 FROM albums_companion WHERE album_id = %(album)s AND sha256 = %(sha256)s)
        OR EXISTS (SELECT 1 FROM processing_upload
            WHERE album_id = %(album)s AND state = 'received' AND sha256 = %(sha256)s),
        EXISTS (SELECT 1 FROM processing_upload WHERE album_id = %(album)s AND state = 'received' AND name = %(name)s)
"""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """Why a file need not be stored. `photo` has its bytes or the companion that has them; None if there is no such photo.

    The caller restores the photo if it is in the trash.
    """

    reason: RejectionReason
    photo: Photo | None = None


class KnownFiles:
    """The photos and companions of an album that have one of these checksums, read with two queries."""

    def __init__(self, album: int, checksums: Collection[str]) -> None:
        photos = Photo.objects.filter(album_id=album, original_sha256__in=checksums)
        self._photos = {photo.original_sha256: photo for photo in photos}
        companions = Companion.objects.filter(album_id=album, sha256__in=checksums).select_related("photo")
        self._companions = {(companion.sha256, companion.name): companion for companion in companions}

    def find(self, name: str, sha256: str) -> KnownFile | None:
        if photo := self._photos.get(sha256):
            reason = rejections.RESTORED if photo.trashed_at else rejections.DUPLICATE
            return KnownFile(reason.filled(name=photo.name), photo)
        if companion := self._companions.get((sha256, name)):
            return KnownFile(rejections.KEPT_ALREADY.filled(name=companion.name), companion.photo)
        return None


def matches(upload: Upload, sha256: str) -> tuple[bool, bool]:
    """Returns whether the album has a file with these bytes, and one with this name: a cheap check, as most match neither."""
    same_bytes, same_name = sql.one_row(MATCHES_IN_ALBUM, album=upload.album_id, sha256=sha256, name=upload.name)
    return bool(same_bytes), bool(same_name)


def find(upload: Upload, sha256: str) -> KnownFile | None:
    """Returns the file that makes an arrived one a duplicate: a photo, a companion, or another unfinished file."""
    if known_file := KnownFiles(upload.album_id, [sha256]).find(upload.name, sha256):
        return known_file
    unfinished_jobs = ProcessingJob.objects.filter(album_id=upload.album_id, upload__sha256=sha256, state__in=ACTIVE)
    if name_matching.is_sidecar(upload.name):
        unfinished_jobs = unfinished_jobs.filter(original_filename=upload.name)
    job = unfinished_jobs.exclude(upload=upload).first()
    return KnownFile(rejections.TWICE.filled(name=job.original_filename)) if job else None


def dedup_key(name: str, sha256: str) -> tuple[str, str]:
    """Returns the key by which two files in progress are the same."""
    return sha256, name if name_matching.is_sidecar(name) else ""
