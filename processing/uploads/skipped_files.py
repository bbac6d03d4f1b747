"""Recognises companions: files without a picture of their own that accompany photos.

Examples are thumbnails, edit lists and system files. They are skipped and shown as a number: the user need not do
anything about them.
"""

from pathlib import Path

from processing.models import Upload
from processing.pipeline.errors import ImageRejected
from processing.pipeline.formats import detect, extensions
from processing.storage import keys as storage_keys
from processing.storage import store

THUMBNAIL_EXTENSION = "thm"
MAX_THUMBNAIL_BYTES = 1 << 20
"""Cameras write thumbnails of videos as small JPEGs. A larger file with this extension is a photo."""
MAX_FETCHED_BYTES = 16 << 20
"""A file in the bucket is downloaded completely for this check. A larger one with such a name is the preview of a video."""


def is_companion(upload: Upload, size: int) -> bool:
    """True if the file at `upload.key` is a companion: it is named like one and contains no photo."""
    if not extensions.is_companion(upload.name):
        return False
    if upload.place != storage_keys.DISK and size > MAX_FETCHED_BYTES:
        return True
    try:
        with store().open_local(upload.key) as path:
            return not holds_photo(path, upload.name)
    except FileNotFoundError:  # already acknowledged and developed, so it was a photo
        return False


def holds_photo(path: Path, name: str) -> bool:
    """True if a file that is named like a companion contains a photo, or cannot be read."""
    try:
        if extensions.extension(name) == THUMBNAIL_EXTENSION and path.stat().st_size <= MAX_THUMBNAIL_BYTES:
            return False
        with path.open("rb") as file:
            detect.detect(file)
    except ImageRejected:
        return False
    except OSError:
        return True
    return True
