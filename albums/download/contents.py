"""The entries of an archive, from the rows of its photos: their order, names and times."""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db.models.functions import Coalesce
from django.utils import timezone

from albums.download.layout import Entry
from albums.download.names import UniqueNames
from albums.download.scope import Files, Scope
from albums.models import Photo

PHOTOS_PER_QUERY = 500
TIMES = (
    *("edited_taken_at", "edited_taken_offset_minutes"),
    *("taken_at", "taken_offset_minutes", "created_at"),
)
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


def entries(scope: Scope, generated_files: GeneratedFiles | None = None) -> Iterator[Entry]:
    """Yields the entries in the order in which the photos were added: sorting an album differently changes nothing.

    Reads rows in bounded batches. Raises ChecksumMissing.
    """
    unique_names, last = UniqueNames(), 0
    photo_ids = scope.photos.order_by("pk").values_list("pk", flat=True)
    while batch := list(photo_ids.filter(pk__gt=last)[:PHOTOS_PER_QUERY]):
        for group in _groups(scope, batch, generated_files):
            names = unique_names.group([entry.name for entry in group])
            for entry, name in zip(group, names, strict=True):
                yield entry if entry.name == name else replace(entry, name=name)
        last = batch[-1]


def source_of(photo_id: int, generated: GeneratedFile) -> str:
    """Returns the source of a generated file. It contains the SHA-256, so that another content has another source."""
    return f"{GENERATED}{photo_id}:{hashlib.sha256(generated.content).hexdigest()}"


def photo_of(source: str) -> int:
    """Returns the id of the photo for which the file is generated."""
    return int(source.split(":")[1])


def _groups(scope: Scope, photo_ids: list[int], generated_files: GeneratedFiles | None) -> Iterator[list[Entry]]:
    """Yields the entries of each photo: the photo itself, its RAWs, its companions, and the generated file."""
    groups: dict[int, list[Entry]] = {photo_id: [] for photo_id in photo_ids}
    for files in replace(scope, photos=Photo.objects.filter(pk__in=photo_ids)).files():
        for photo_id, entry in _stored(files):
            groups[photo_id].append(entry)
    for photo_id, generated in (generated_files(photo_ids) if generated_files else {}).items():
        groups[photo_id] += [_generated(photo_id, generated, picture) for picture in groups[photo_id][:1]]
    return (group for group in groups.values() if group)


def _stored(files: Files) -> Iterator[tuple[int, Entry]]:
    """Yields the entries of stored files, each with the id of the photo that is shown for it."""
    shown = Coalesce(f"{files.photo}shown_as", f"{files.photo}pk")
    times = [files.photo + name for name in TIMES]
    rows = files.rows.order_by("pk").values_list(
        shown, files.name, files.size, "crc32", files.sha256, files.key, *times
    )
    for photo_id, name, size, crc32, sha256, key, *moments in rows:
        if crc32 is None:
            raise ChecksumMissing
        yield photo_id, Entry(files.renamed(name), size, crc32, sha256, _local_time(*moments), key)


def _generated(photo_id: int, generated: GeneratedFile, picture: Entry) -> Entry:
    content = generated.content
    checksums = (zlib.crc32(content), hashlib.sha256(content).hexdigest())
    source = source_of(photo_id, generated)
    return Entry(picture.name + generated.ending, len(content), *checksums, picture.modified, source)


def _local_time(
    edited_at: datetime | None,
    edited_offset_minutes: int | None,
    taken_at: datetime | None,
    offset_minutes: int | None,
    created_at: datetime,
) -> datetime:
    """Returns the local time that pages show; of a photo without one, the time of the upload in the server's time zone."""
    if edited_at is not None:
        taken_at, offset_minutes = edited_at, edited_offset_minutes
    if taken_at is None:
        return timezone.localtime(created_at, timezone.get_default_timezone())
    return taken_at.astimezone(UTC) + timedelta(minutes=offset_minutes or 0)
