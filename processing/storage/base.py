"""The interface of a store, beyond that of Django's storages.

The prefix of a key says whether the file is on the disk or in the bucket (keys.py). Errors of the bucket are raised as
StorageError (storage_errors.py).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from processing.storage.storage_errors import StorageError

LOCAL_COPY_PREFIX = "borrowed-"
"""Name prefix of the scratch directories that hold the local copy of an object while it is being read."""
BLOCK_BYTES = 4096
"""A write is fastest if it begins and ends at multiples of this, both in the file and in memory."""
MIN_DIRECT_BYTES = 256 << 10
"""The size from which on aligned writes bypass the page cache."""


class WriterFenced(Exception):
    """Another writer has the file now, or the file was deleted: this writer may not write any more."""


class FileWriter(Protocol):
    """A file that is being received. It exists under its key only after commit() has returned, and then survives a power cut."""

    def write(self, chunk: bytes) -> None: ...
    def commit(self) -> None:
        """Makes the file durable under its key. Raises WriterFenced if the key was deleted meanwhile."""

    def abort(self) -> None: ...


class AnonymousFile(Protocol):
    """A file without a name. Closing it deletes it, unless it was given a name before."""

    @property
    def size(self) -> int: ...
    def append(self, chunk: memoryview) -> None:
        """Appends the chunk. Raises OSError; bytes that were written before remain."""

    def read_back(self) -> Iterator[memoryview]: ...
    def name(self, path: Path) -> None:
        """Gives the file this path. Raises OSError where the file system does not allow it."""

    def close(self) -> None: ...


class PartialFile(Protocol):
    """A file that arrives in several requests. Only its last writer may write; earlier writers are fenced off.

    A lock is held only during a write, so a dead or stalled writer blocks no other.
    """

    def fence(self) -> int:
        """Fences off all other writers and deletes unverified bytes. Returns the offset: the number of bytes that remain."""

    def offset(self) -> int:
        """The current offset: the number of bytes that count. Fences off no writer."""

    def append(self, chunk: bytes | memoryview) -> None:
        """Appends the chunk. Its bytes count at once, but may be lost in a power cut. Raises WriterFenced after a fence()."""

    def open_anonymous(self) -> AnonymousFile | None:
        """An anonymous file for bytes that count only once their checksum is verified; None where there are no such files."""

    def begin_with(self, aside: AnonymousFile) -> None:
        """Makes the anonymous file the start of this file, which must be empty. Raises WriterFenced, or OSError like append()."""

    def begin_unverified(self) -> None:
        """Starts an unverified range: bytes appended from here on do not count. Raises WriterFenced."""

    def commit_unverified(self) -> None:
        """Makes the unverified bytes count, and durable. Raises WriterFenced."""

    def discard_unverified(self) -> None:
        """Deletes the unverified bytes, as fence() does. Raises WriterFenced."""

    def sync(self) -> None:
        """Makes all appended bytes durable: they survive a power cut once this returns."""

    def commit(self) -> None:
        """Publishes the complete file under its key, durably. Repeating is harmless."""

    def close(self) -> None:
        """Closes the open file descriptors. Repeating is harmless."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """Keys are relative paths with "/" (`renditions/ab/…/800.webp`, `s3/renditions/…` in the bucket).

    Darkroom chooses them, never a client.
    """

    def receive(self, key: str) -> FileWriter:
        """Starts to receive a new file."""

    def grow(self, key: str) -> PartialFile:
        """Opens, or continues, a file that arrives in several requests."""

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        """A local, readable path of the file, valid within the context. Raises FileNotFoundError if the file does not exist."""

    def read_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Yields the bytes from `start` to `stop` of the file, in constant memory. Raises FileNotFoundError, and OSError if the
        file ends before `stop`.
        """

    def copy_or_link(self, key: str, as_key: str) -> None:
        """Stores the same bytes durably under a second key, without copying them where possible. Repeating is harmless."""

    def copy_all(self, new_keys: Mapping[str, str]) -> None:
        """Stores files under a second key each, durably, by their present key and without reading them where possible.

        The second key is at the location of the first. Repeating is harmless. Raises FileNotFoundError for a missing file.
        """

    def move_in(self, files: Mapping[str, Path]) -> None:
        """Moves local files into the store, by key. They are durable when this returns; the local paths no longer exist."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yields every key below the prefix, in constant memory."""

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Like keys(), with size and modification time from the listing, which saves a request to the bucket for each key."""

    def move(self, key: str, as_key: str) -> None:
        """Moves a file to another key in the same location."""

    def scratch(self, name: str) -> AbstractContextManager[Path]:
        """An empty local directory on the store's file system, deleted at the end of the context."""

    def link(
        self,
        key: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        seconds: int | None = None,
        method: str = "GET",
    ) -> str | None:
        """A temporary URL from which a browser can fetch the file directly; None if it has to be served by Darkroom.

        `name`: offer the file as a download under this name. `seconds`: minimum validity. `method`: GET or HEAD; a signature
        is valid for one of them.
        """

    def is_available(self) -> bool:
        """True if the storage is reachable, or if only a real attempt could show otherwise. Cheap: called before every file."""

    def problem(self) -> StorageError | None:
        """The bucket's current error; None if there is none, or no bucket is configured. Cheap like is_available()."""

    def free_bytes(self) -> int | None:
        """Free bytes; None for storage without a fixed size."""

    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int: ...
    def delete(self, name: str) -> None:
        """Deletes the file. No error if it does not exist."""
