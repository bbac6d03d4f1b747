"""What a store promises beyond the interface of Django's storages.

Each of its keys says by its first letters whether it is on the disk or in the bucket (locations.py). What is wrong with the
bucket is raised as StorageTrouble (errors.py).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from processing.storage.errors import StorageTrouble

ON_LOAN = "borrowed-"
"""Begins the name of a scratch room for a copy of an object, which is on the disk for as long as somebody reads it."""


class Fenced(Exception):
    """Another took the file over, or away: this one may write no more."""


class Receiving(Protocol):
    """A file on its way in. It exists under its key only after commit() returned, and then survives a power cut."""

    def write(self, chunk: bytes) -> None: ...
    def commit(self) -> None:
        """Raises Fenced when its key was deleted meanwhile."""

    def abort(self) -> None: ...


class AnonymousFile(Protocol):
    """A file without a name, which is gone when it is closed, unless it was named before."""

    @property
    def size(self) -> int: ...
    def append(self, piece: memoryview) -> None:
        """Raises OSError; what was written before it stays."""

    def read_back(self) -> Iterator[memoryview]: ...
    def name(self, path: Path) -> None:
        """Give it this name. Raises OSError where that cannot be."""

    def close(self) -> None: ...


class Growing(Protocol):
    """A file that arrives in several requests. Whoever took it over last may write; all before it are fenced off.

    No lock outlives a write, so none can stick: a dead or hanging writer keeps nobody out.
    """

    def take_over(self) -> int:
        """Fence off every other writer, whose doubtful bytes go. Answers the bytes that are there, which stay."""

    def there(self) -> int:
        """The bytes that count just now. Fences nobody off."""

    def append(self, chunk: bytes | memoryview) -> None:
        """Raises Fenced when it was taken over. Every byte of it counts from here on, but may be lost with the power."""

    def aside(self) -> AnonymousFile | None:
        """A file without a name, for bytes that count when they have proved true; None where there are none such."""

    def begin_with(self, aside: AnonymousFile) -> None:
        """Its bytes are the first of this file, which has none yet. Raises Fenced, and as append() does."""

    def doubt(self) -> None:
        """What is appended from here on does not count. Raises Fenced."""

    def trust(self) -> None:
        """What was in doubt counts from here on, and survives a power cut. Raises Fenced."""

    def drop_doubtful(self) -> None:
        """What was in doubt is gone, as it is when another takes the file over. Raises Fenced."""

    def sync(self) -> None:
        """What was appended survives a power cut from here on."""

    def commit(self) -> None:
        """The file is whole: it exists under its key from here on, and survives a power cut. Repeating is harmless."""

    def close(self) -> None:
        """Let go of what it holds open. Repeating is harmless."""


@dataclass(frozen=True, slots=True)
class Listed:
    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """Keys are relative paths with "/" (`renditions/ab/…/800.webp`, `s3/renditions/…` in the bucket).

    They are chosen by us, never by a sender.
    """

    def receive(self, key: str) -> Receiving:
        """Start to take in a file."""

    def grow(self, key: str) -> Growing:
        """Go on with a file that arrives in several requests."""

    def borrow(self, key: str) -> AbstractContextManager[Path]:
        """A local, readable path of the bytes, for as long as the context lasts. FileNotFoundError if there are none."""

    def keep(self, key: str, as_key: str) -> None:
        """The same bytes under a second key, durable and without a copy where that can be. Repeating is harmless."""

    def adopt(self, files: Mapping[str, Path]) -> None:
        """Take over local files, each as its key, durable when this returns. The paths are gone afterwards."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key below the prefix, in constant memory."""

    def listed(self, prefix: str) -> Iterator[Listed]:
        """As keys(), with what the listing tells besides: asking for each would be a question to the bucket each."""

    def move(self, key: str, as_key: str) -> None:
        """The same bytes under another key of the same place, and not under this one any more."""

    def scratch(self, name: str) -> AbstractContextManager[Path]:
        """An empty local directory on the store's file system, gone with the context."""

    def link(
        self,
        key: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        seconds: int | None = None,
        method: str = "GET",
    ) -> str | None:
        """Where a browser may get the bytes itself, for a while; None where it must get them here.

        `name`: as a download, under this name. `seconds`: how long it is good, at least. `method`: GET or HEAD, for each has
        a signature of its own.
        """

    def is_there(self) -> bool:
        """Is the place there at all? Asked before every file, so it is cheap, and true where only trying would tell."""

    def trouble(self) -> StorageTrouble | None:
        """What is wrong with the bucket, in words; None when it is well, or there is none. Cheap like is_there()."""

    def free_bytes(self) -> int | None:
        """Room left; None where that has no meaning."""

    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def delete(self, name: str) -> None:
        """Delete the bytes. No error if they are gone already."""
