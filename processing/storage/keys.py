"""Keys of stored files: how they are written and read. The prefix of a key is its location, so moving a file between locations
changes its key.

    incoming/<upload>                   the file of an upload; while it arrives, incoming/<upload>.part and .fence
    incoming/<name>.work/…              a scratch directory, which is deleted with its process or by the sweep
    originals/ab/<claim>.jpg            an original or companion
    renditions/ab/<claim>/800.webp      a rendition (`albums.models.Rendition.version` is the name of its directory)
    quarantine/<key>                    a damaged or orphaned file that `verify --repair` put aside
    s3/originals/ab/<claim>.jpg         the same in the bucket

Which rows hold keys is registered in albums/key_columns.py.
"""

import uuid
from pathlib import PurePosixPath

DISK = ""
BUCKET = "s3/"
ALL = (DISK, BUCKET)
INCOMING, ORIGINALS, RENDITIONS = DIRECTORIES = ("incoming", "originals", "renditions")
"""The directories that exist on every working disk. A missing one may be an unmounted disk."""
QUARANTINE = "quarantine"
DRAFT, FENCE, SCRATCH = ".part", ".fence", ".work"
"""Suffixes of a file that is being received, of its fence file (local/partial_file.py), and of a scratch directory."""


def location(key: str) -> str:
    """The location of the key: DISK or BUCKET."""
    return BUCKET if key.startswith(BUCKET) else DISK


def bare(key: str) -> str:
    """The key without its location, as used by the store of that location."""
    return key.removeprefix(BUCKET)


def directory(key: str) -> str:
    """The directory of the key without its location, such as ORIGINALS."""
    return bare(key).partition("/")[0]


def received(place: str, upload: uuid.UUID) -> str:
    """The key of an upload's file."""
    return f"{place}{INCOMING}/{upload}"


def original(place: str, claim: uuid.UUID, suffix: str) -> str:
    """The key of the original or companion that a worker with this claim stores. `suffix` is ".jpg" or similar, or empty."""
    return f"{place}{ORIGINALS}/{claim.hex[:2]}/{claim.hex}{suffix}"


def rendition(place: str, claim: uuid.UUID, name: str) -> str:
    """The key of a rendition that a worker with this claim stores. `name` is "800.webp" or similar."""
    return f"{place}{RENDITIONS}/{claim.hex[:2]}/{claim.hex}/{name}"


def relocated(key: str, place: str, claim: uuid.UUID) -> str:
    """A new key at the location for the file of an original, companion or rendition."""
    name = PurePosixPath(key)
    return rendition(place, claim, name.name) if directory(key) == RENDITIONS else original(place, claim, name.suffix)


def quarantined(key: str) -> str:
    """The key of the same file in quarantine, at the same location."""
    return f"{location(key)}{QUARANTINE}/{bare(key)}"


def draft(key: str) -> str:
    """Returns the key of a partial file, which is always on the local disk, also if the complete file goes to the bucket."""
    return bare(key) + DRAFT


def scratch(name: str) -> str:
    """The key of a scratch directory. If `name` is the id of a claim, the directory belongs to this claim."""
    return f"{INCOMING}/{name}{SCRATCH}"


def is_scratch(key: str) -> bool:
    """True for a file in the scratch directory of a claim."""
    return f"{SCRATCH}/" in key and owner(key) is not None


def owner(key: str) -> uuid.UUID | None:
    """Returns the id in incoming/<upload>, incoming/<upload>.part or incoming/<claim>.work/…; None for other keys."""
    name = bare(key).removeprefix(f"{INCOMING}/").partition("/")[0]
    try:
        return uuid.UUID(name.partition(".")[0]) if directory(key) == INCOMING else None
    except ValueError:
        return None
