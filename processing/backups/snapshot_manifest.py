"""The manifest of a snapshot: a line of JSON for each file, sorted by checksum, so that large manifests are merged as streams."""

import gzip
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from django.db.models import QuerySet

from albums.models import Companion, Photo, Rendition
from processing.models import ProcessingJob
from processing.models.states import KEEPS_RAW
from processing.storage import keys as storage_keys


@dataclass(frozen=True, slots=True, order=True)
class ManifestEntry:
    sha256: str
    bytes: int
    key: str


def wanted(database: str, renditions: bool) -> Iterator[ManifestEntry]:
    """Yields every file that rows of the database reference: originals, companions, raw files, and renditions if requested."""
    columns = _columns(database, renditions)
    yield from (
        ManifestEntry(*row)
        for row in heapq.merge(*(rows.values_list(*names).order_by(*names).iterator() for rows, names in columns))
    )


def is_wanted(key: str, renditions: bool) -> bool:
    """True if a row currently references the key."""
    return any(rows.filter(**{names[2]: key}).exists() for rows, names in _columns("default", renditions))


@dataclass(frozen=True, slots=True)
class Sums:
    files: int
    bytes: int
    has_bucket: bool


def write(path: Path, entries: Iterable[ManifestEntry]) -> Sums:
    """Writes the manifest, and returns the totals."""
    files = size = 0
    has_bucket = False
    with gzip.open(path, "wt", compresslevel=6, encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(asdict(entry)) + "\n")
            files, size = files + 1, size + entry.bytes
            has_bucket = has_bucket or storage_keys.of(entry.key) == storage_keys.BUCKET
    return Sums(files, size, has_bucket)


def read(path: Path) -> Iterator[ManifestEntry]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield ManifestEntry(**json.loads(line))


def _columns(database: str, renditions: bool) -> list[tuple[QuerySet, tuple[str, str, str]]]:  # type: ignore[type-arg]
    """Querysets with the names of their columns for checksum, size and key."""
    raw = ProcessingJob.objects.using(database).filter(state__in=KEEPS_RAW)
    return [
        (Photo.objects.using(database), ("original_sha256", "original_bytes", "original_key")),
        (Companion.objects.using(database), ("sha256", "bytes", "key")),
        (raw, ("upload__sha256", "upload__size", "raw_path")),
        *([(Rendition.objects.using(database), ("sha256", "bytes", "key"))] if renditions else []),
    ]
