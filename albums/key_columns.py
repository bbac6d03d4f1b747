"""The registry of the columns that hold storage keys. Each stored file belongs to one row.

Checks, repairs, backups, moves to another location, deletions and the storage page cover every registered column, and no other.
`processing` registers its own columns below its models. Not registered are `Leftover.key`, which names files to be deleted, and
files that are being received: their keys follow from the ids of their uploads. How a key is written is in
processing/storage/keys.py.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import attrgetter
from typing import Any

from django.db.models import Model, Q, QuerySet

from albums.models import Companion, Photo, Rendition

Item = Photo | Companion
"""A row whose files are checked, moved and repaired together."""
File = tuple[str, int, str]
"""The key, size and SHA-256 of a file according to its row."""


class Kind(Enum):
    STORED = auto()
    """A file that cannot be made again: Darkroom may have the only copy."""
    RENDERED = auto()
    """A file that can be made again from an original."""
    RAW = auto()
    """A received file, until its job ends."""
    NAMED = auto()
    """A key that belongs to another row."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of keys. `size`, `sha256` and `crc32` are the lookups of the file's size and checksums."""

    kind: Kind
    model: type[Model]
    key: str
    size: str = ""
    sha256: str = ""
    crc32: str = ""
    item: str = ""
    """The foreign key to the item that the file belongs to; empty if the row is an item or belongs to none."""
    related_name: str = ""
    """The name of the same relation on the item."""
    is_needed: Q = field(default_factory=Q)
    """The rows that have a file and still need it."""

    def rows(self, database: str = "default") -> QuerySet[Any]:
        """The rows that need their file."""
        return self.model._default_manager.using(database).filter(self.is_needed)

    def holding(self, keys: Collection[str]) -> QuerySet[Any]:
        """The rows that need one of these files."""
        return self.rows().filter(**{f"{self.key}__in": keys})

    def of_item(self, item: Item) -> QuerySet[Any]:
        """The rows of the item."""
        return self.rows().filter(**{self.item or "pk": item.pk})

    def loaded(self, item: Item) -> Iterator[Any]:
        """Yields the rows of an item that is in memory. Uses prefetched rows."""
        yield from getattr(item, self.related_name).all() if self.related_name else (item,)

    @property
    def file_lookups(self) -> tuple[str, str, str]:
        """The lookups of a File's values."""
        return self.key, self.size, self.sha256

    def file(self, row: Model) -> File:
        """The file of a row that has all of its values itself."""
        key, size, sha256 = attrgetter(*self.file_lookups)(row)
        return key, size, sha256


_columns = [
    KeyColumn(Kind.STORED, Photo, "original_key", "original_bytes", "original_sha256", "crc32"),
    KeyColumn(Kind.STORED, Companion, "key", "bytes", "sha256", "crc32"),
    KeyColumn(Kind.RENDERED, Rendition, "key", "bytes", "sha256", "crc32", item="photo", related_name="renditions"),
]


def register(column: KeyColumn) -> None:
    _columns.append(column)


def columns(*kinds: Kind) -> list[KeyColumn]:
    """The registered columns of these kinds."""
    return [column for column in _columns if column.kind in kinds]


def published() -> list[KeyColumn]:
    """The columns of the files of photos and companions."""
    return columns(Kind.STORED, Kind.RENDERED)


def of_items(model: type[Item]) -> list[KeyColumn]:
    """The columns of the files of photos, or of companions."""
    return [
        column
        for column in published()
        if (column.model._meta.get_field(column.item).related_model if column.item else column.model) is model
    ]


def files(item: Item) -> Iterator[File]:
    """Yields the files of a photo or companion, the original first. Uses prefetched rows."""
    for column in of_items(type(item)):
        yield from (file for file in map(column.file, column.loaded(item)) if file[0])


def item(key: str) -> Item | None:
    """The photo or companion that the file belongs to; None for a raw file."""
    for column in published():
        if row := column.holding([key]).first():
            owner: Item = getattr(row, column.item) if column.item else row
            return owner
    return None
