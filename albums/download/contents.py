"""The entries of an archive, from the rows of its photos: their order, names and times."""

import hashlib
import heapq
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from django.db.models import Case, F, Value, When
from django.utils import timezone

from albums.columns.search_order import UNDATED, Place
from albums.download.layout import Entry
from albums.download.names import UniqueNames
from albums.download.scope import Files, Scope

PHOTOS_PER_QUERY = 500
ROWS_PER_FETCH = 2000
TIMES = ("edited_taken_at", "taken_at", "edited_taken_offset_minutes", "taken_offset_minutes")
EPOCH = datetime(1970, 1, 1)
GENERATED = "generated:"
"""Begins the source of a generated file. No storage key contains a colon."""


@dataclass(frozen=True, slots=True)
class GeneratedFile:
    """A file that is made from rows for the archive, such as an XMP sidecar. `ending` is added to the photo's file name."""

    ending: str
    content: bytes


GeneratedFiles = Callable[[Sequence[int]], Mapping[int, GeneratedFile]]
"""Returns the generated files of photos by the photos' ids. Called again for one photo when its file is sent."""


class ChecksumMissing(Exception):
    """The CRC-32 of a file is not known, so its headers cannot be computed."""


class Row(NamedTuple):
    """A stored file. `photo_id` is that of the photo that is shown for it, `part` the number of its query in the scope.

    `place` is that of `search.columns.Place`: the local time, negative, in milliseconds. `uploaded_at` is None if there is one.
    """

    photo_id: int
    part: int
    pk: int
    name: str
    size: int
    crc32: int | None
    sha256: str
    key: str
    place: int
    uploaded_at: datetime | None


def rows(scope: Scope) -> Iterator[Row]:
    """Yields the rows of all stored files, those of each photo together, in the order in which the photos were added.

    Runs one query for each part of the scope, and holds ROWS_PER_FETCH rows of each in memory.
    """
    parts = [_rows_of(files, number) for number, files in enumerate(scope.files())]
    return heapq.merge(*parts, key=itemgetter(0, 1, 2))


def entries(of: Iterable[Row], generated_files: GeneratedFiles | None = None) -> Iterator[Entry]:
    """Yields the entries of the rows: of each photo itself, its RAWs, its companions, and the generated file.

    Raises ChecksumMissing.
    """
    unique_names = UniqueNames()
    for group in _groups(of, generated_files):
        names = unique_names.group([entry.name for entry in group])
        for entry, name in zip(group, names, strict=True):
            yield entry if entry.name == name else entry._replace(name=name)


def source_of(photo_id: int, generated: GeneratedFile) -> str:
    """Returns the source of a generated file. It contains the SHA-256, so that another content has another source."""
    return f"{GENERATED}{photo_id}:{hashlib.sha256(generated.content).hexdigest()}"


def photo_of(source: str) -> int:
    """Returns the id of the photo for which the file is generated."""
    return int(source.split(":")[1])


def _rows_of(files: Files, part: int) -> Iterator[Row]:
    photo, shown = files.photo, files.shown
    undated = {f"{photo}{name}": None for name in TIMES[:2]}
    columns = {
        "part": Value(part),
        "place": Place(*(F(photo + name) for name in TIMES)),
        "uploaded_at": Case(When(**undated, then=F(f"{photo}created_at")), default=None),
    }
    names = (shown, "part", "pk", files.name, files.size, "crc32", files.sha256, files.key, "place", "uploaded_at")
    found = files.rows.order_by(shown, "pk").annotate(**columns).values_list(*names)
    for row in found.iterator(ROWS_PER_FETCH):
        whole = Row._make(row)
        yield whole._replace(name=files.renamed(whole.name)) if files.ending else whole


def _groups(of: Iterable[Row], generated_files: GeneratedFiles | None) -> Iterator[list[Entry]]:
    """Yields the entries of one photo after the other. Files are generated for PHOTOS_PER_QUERY photos at a time."""
    groups = ((photo_id, list(map(_entry, group))) for photo_id, group in groupby(of, itemgetter(0)))
    if generated_files is None:
        yield from (group for _, group in groups)
        return
    while batch := dict(islice(groups, PHOTOS_PER_QUERY)):
        generated = generated_files(list(batch))
        for photo_id, group in batch.items():
            if photo_id in generated:
                group.append(_generated(photo_id, generated[photo_id], group[0]))
            yield group


def _entry(row: Row) -> Entry:
    if row.crc32 is None:
        raise ChecksumMissing
    return Entry(row.name, row.size, row.crc32, row.sha256, _local_time(row), row.key)


def _generated(photo_id: int, generated: GeneratedFile, picture: Entry) -> Entry:
    content = generated.content
    checksums = (zlib.crc32(content), hashlib.sha256(content).hexdigest())
    source = source_of(photo_id, generated)
    return Entry(picture.name + generated.ending, len(content), *checksums, picture.modified, source)


def _local_time(row: Row) -> datetime:
    """Returns the local time that pages show; of a photo without one, the time of the upload in the server's time zone."""
    if row.place == UNDATED:
        assert row.uploaded_at
        return timezone.localtime(row.uploaded_at, timezone.get_default_timezone())
    return EPOCH + timedelta(milliseconds=-row.place)
