"""Do rows and files agree? Looks at every row's file and every file's row, in constant memory, and changes nothing.

What is found while others are at work may be passing: a photo was deleted between two looks. So every finding is looked at once
more at the end, and told only if it still stands.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TypeVar

from django.db.models import Model, QuerySet

from albums.models import Leftover, Photo, Rendition
from processing import sweeper
from processing.models import ProcessingJob
from processing.states import KEEPS_RAW
from processing.storage import store

ROOMS = ("originals", "renditions", "incoming")
AT_A_TIME = 200
Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


@dataclass(slots=True)
class Findings:
    """Storage keys. Missing and corrupt ones are wanted by rows; orphans are there and wanted by none."""

    photos: int = 0
    missing: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.corrupt or self.orphans)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def verify() -> Findings:
    found = Findings()
    for photo in _one_by_one(Photo.objects.all()):
        found.photos += 1
        _look(found, photo.original_key, photo.original_bytes, photo.original_sha256)
    for rendition in _one_by_one(Rendition.objects.all()):
        _look(found, rendition.key, rendition.bytes, rendition.sha256)
    for job in _one_by_one(ProcessingJob.objects.filter(state__in=KEEPS_RAW).select_related("upload")):
        _look(found, job.raw_path, job.upload.size or 0, job.upload.sha256)
    found.orphans = [key for keys in _all_keys() for key in unknown(keys)]
    return _still_standing(found)


def unknown(keys: list[str]) -> list[str]:
    """Those of the keys that no row knows, and that are still there.

    Keys are listed first and asked after, or a new file would look like nobody's; and leftovers are asked for first, since a
    photo's keys are leftovers until the moment it is there.
    """
    known = set(Leftover.objects.filter(key__in=keys).values_list("key", flat=True)) | _wanted(keys)
    return [key for key in keys if key not in known and store().exists(key)]


def _look(found: Findings, key: str, size: int, sha256: str) -> None:
    """Is it byte for byte what was received, or rendered?"""
    try:
        if store().size(key) != size or _sha256(key) != sha256:
            found.corrupt.append(key)
    except FileNotFoundError:
        found.missing.append(key)
    except OSError:  # the disk cannot read it
        found.corrupt.append(key)


def _sha256(key: str) -> str:
    with store().borrow(key) as path, path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wanted(keys: list[str]) -> set[str]:
    """Those of the keys that a photo, a rendition, an upload or a job wants."""
    raw = [key for key in keys if key.startswith("incoming/")]
    owners = sweeper.raw_in_use(raw)
    return {
        *Photo.objects.filter(original_key__in=keys).values_list("original_key", flat=True),
        *Rendition.objects.filter(key__in=keys).values_list("key", flat=True),
        *(key for key in raw if sweeper.owner(key) in owners),
    }


def _still_standing(found: Findings) -> Findings:
    wanted = {key for keys in chunks([*found.missing, *found.corrupt]) for key in _wanted(keys)}
    found.missing = [key for key in found.missing if key in wanted and not store().exists(key)]
    found.corrupt = [key for key in found.corrupt if key in wanted]
    found.orphans = [key for keys in chunks(found.orphans) for key in unknown(keys)]
    return found


def _all_keys() -> Iterator[list[str]]:
    for room in ROOMS:
        yield from chunks(store().keys(room))


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, AT_A_TIME)):
        yield chunk


def _one_by_one(rows: QuerySet[Row]) -> Iterator[Row]:
    """In pages, by key: a cursor left open for hours of hashing would hold up the database's housekeeping."""
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk")[:AT_A_TIME]):
        yield from page
        last = page[-1].pk
