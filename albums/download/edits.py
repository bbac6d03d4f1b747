"""The edits of photos as XMP sidecars in an archive."""

from collections.abc import Sequence

from albums.columns.edited import IS_EDITED
from albums.download.contents import GeneratedFile
from albums.edits import xmp
from albums.models import Photo, PhotoQuerySet


def has_edits(photos: PhotoQuerySet) -> bool:
    return photos.filter(IS_EDITED).exists()


def sidecars(photo_ids: Sequence[int]) -> dict[int, GeneratedFile]:
    """Returns the sidecars of the edited photos among these, by the photos' ids."""
    edited = Photo.objects.filter(IS_EDITED, pk__in=photo_ids)
    files = {photo.pk: xmp.sidecar(photo) for photo in edited}
    return {pk: GeneratedFile(xmp.ENDING, file[1]) for pk, file in files.items() if file}
