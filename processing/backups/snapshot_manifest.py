"""The manifest of a snapshot: a line of JSON for each file, sorted by checksum, so that large manifests are merged as streams."""

import gzip
import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from albums import key_columns
from albums.key_columns import KeyColumn, Kind
from processing.storage import keys as storage_keys


@dataclass(frozen=True, slots=True, order=True)
class ManifestEntry:
    sha256: str
    bytes: int
    key: str


def referenced_files(database: str, renditions: bool) -> Iterator[ManifestEntry]:
    """Yields every file that rows of the database reference: originals, companions, raw files, and renditions if requested."""
    sorted_rows = (_sorted_rows(column, database) for column in _columns(renditions))
    yield from (ManifestEntry(*row) for row in heapq.merge(*sorted_rows))


def is_referenced(key: str, renditions: bool) -> bool:
    """True if a row currently references the key."""
    return any(column.rows().filter(**{column.key: key}).exists() for column in _columns(renditions))


@dataclass(frozen=True, slots=True)
class Totals:
    files: int
    bytes: int
    has_bucket: bool


def write(path: Path, entries: Iterable[ManifestEntry]) -> Totals:
    """Writes the manifest, and returns the totals."""
    files = size = 0
    has_bucket = False
    with gzip.open(path, "wt", compresslevel=6, encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps(asdict(entry)) + "\n")
            files, size = files + 1, size + entry.bytes
            has_bucket = has_bucket or storage_keys.location(entry.key) == storage_keys.BUCKET
    return Totals(files, size, has_bucket)


def read(path: Path) -> Iterator[ManifestEntry]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield ManifestEntry(**json.loads(line))


def _columns(renditions: bool) -> list[KeyColumn]:
    return key_columns.columns(Kind.STORED, Kind.RAW, *([Kind.RENDERED] if renditions else []))


def _sorted_rows(column: KeyColumn, database: str) -> Iterator[tuple[str, int, str]]:
    names = column.sha256, column.size, column.key
    return column.rows(database).values_list(*names).order_by(*names).iterator()
