"""Files that come along with photos and hold no picture of their own: thumbnails, edit lists, what systems leave in folders.

They are skipped, and told as a number: nothing is wrong, and nothing is to be done.
"""

from pathlib import Path

from processing.models import Upload
from processing.pipeline.errors import Refused
from processing.pipeline.formats import detect, extensions
from processing.storage import keys as storage_keys
from processing.storage import store

THUMBNAIL = "thm"
THUMBNAIL_MOST_BYTES = 1 << 20
"""Cameras write thumbnails of videos as small JPEGs. A larger picture of that name is a photo."""
FETCHED_MOST_BYTES = 16 << 20
"""To look into a file in the bucket, all of it is fetched. A larger one of such a name is the preview of a video."""


def is_companion(upload: Upload, size: int) -> bool:
    """Is this file, whose bytes are at `upload.key`, a companion? A photo that only has the name of one is none."""
    if not extensions.is_companion(upload.name):
        return False
    if upload.place != storage_keys.DISK and size > FETCHED_MOST_BYTES:
        return True
    try:
        with store().borrow(upload.key) as path:
            return not holds_photo(path, upload.name)
    except FileNotFoundError:  # it was handed over before, and developed: then it was a photo
        return False


def holds_photo(path: Path, name: str) -> bool:
    """Is the file with the name of a companion a photo all the same? One that cannot be read may be."""
    try:
        if extensions.ending(name) == THUMBNAIL and path.stat().st_size <= THUMBNAIL_MOST_BYTES:
            return False
        with path.open("rb") as file:
            detect.recognise(file)
    except Refused:
        return False
    except OSError:
        return True
    return True
