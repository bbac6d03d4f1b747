"""Django's default storage: passes each call to the disk or the bucket, by the prefix of the key."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.core.files.storage import Storage

from processing.storage import keys as storage_keys
from processing.storage import storage_errors
from processing.storage.base import FileWriter, PartialFile, StoredObject
from processing.storage.local.local_store import LocalStore
from processing.storage.s3 import config as s3_config
from processing.storage.s3.config import Connection
from processing.storage.storage_errors import StorageError

if TYPE_CHECKING:
    from processing.storage.s3.s3_store import S3Store


class PlacedStore(Storage):
    def __init__(self, location: str | Path) -> None:
        self.disk = LocalStore(location=location)

    @property
    def bucket(self) -> "S3Store":
        """Raises StorageError if no bucket is configured."""
        if (current := s3_config.current()) is None:
            raise StorageError(storage_errors.UNSET)
        return _bucket(current, Path(self.disk.location))

    def receive(self, key: str) -> FileWriter:
        return self._of(key).receive(storage_keys.bare(key))

    def grow(self, key: str) -> PartialFile:
        return self._of(key).grow(storage_keys.bare(key))

    def open_local(self, key: str) -> AbstractContextManager[Path]:
        return self._of(key).open_local(storage_keys.bare(key))

    def read_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        return self._of(key).read_range(storage_keys.bare(key), start, stop)

    def copy_or_link(self, key: str, as_key: str) -> None:
        bare, as_bare = storage_keys.bare(key), storage_keys.bare(as_key)
        if storage_keys.location(key) == storage_keys.location(as_key):
            self._of(key).copy_or_link(bare, as_bare)
        elif storage_keys.location(key) == storage_keys.DISK:
            with self.disk.open_local(bare) as path:
                self.bucket.send(path, as_bare)
        else:
            with self.bucket.open_local(bare) as path:
                self.disk.move_in({as_bare: path})

    def copy_all(self, new_keys: Mapping[str, str]) -> None:
        for place in {storage_keys.location(key) for key in new_keys}:
            bare_keys = {
                storage_keys.bare(key): storage_keys.bare(new_key)
                for key, new_key in new_keys.items()
                if storage_keys.location(key) == place
            }
            self._in(place).copy_all(bare_keys)

    def copy_of(self, key: str, claim: uuid.UUID) -> str:
        """A new key for a copy of this file, at the same location."""
        return storage_keys.relocated(key, storage_keys.location(key), claim)

    def move_in(self, files: Mapping[str, Path]) -> None:
        for place in {storage_keys.location(key) for key in files}:
            paths_by_key = {
                storage_keys.bare(key): path for key, path in files.items() if storage_keys.location(key) == place
            }
            self._in(place).move_in(paths_by_key)

    def keys(self, prefix: str) -> Iterator[str]:
        place = storage_keys.location(prefix)
        return (place + key for key in self._in(place).keys(storage_keys.bare(prefix)))

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        place = storage_keys.location(prefix)
        return (
            replace(entry, key=place + entry.key) for entry in self._in(place).list_objects(storage_keys.bare(prefix))
        )

    def move(self, key: str, as_key: str) -> None:
        self._of(key).move(storage_keys.bare(key), storage_keys.bare(as_key))

    def scratch(self, name: str) -> AbstractContextManager[Path]:
        return self.disk.scratch(name)

    def link(
        self,
        key: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        seconds: int | None = None,
        method: str = "GET",
    ) -> str | None:
        if storage_keys.location(key) == storage_keys.DISK:
            return None
        return self.bucket.link(
            storage_keys.bare(key), name=name, content_type=content_type, seconds=seconds, method=method
        )

    def is_available(self) -> bool:
        return self.disk.is_available() and (s3_config.current() is None or self.bucket.is_available())

    def problem(self) -> StorageError | None:
        return self.bucket.problem() if s3_config.current() else None

    def free_bytes(self) -> int:
        """Free bytes of the disk, which holds all partial and temporary files, also those destined for the bucket."""
        return self.disk.free_bytes()

    def exists(self, name: str) -> bool:
        return self._of(name).exists(storage_keys.bare(name))

    def size(self, name: str) -> int:
        return self._of(name).size(storage_keys.bare(name))

    def delete(self, name: str) -> None:
        self._of(name).delete(storage_keys.bare(name))

    def get_modified_time(self, name: str) -> datetime:
        return self._of(name).get_modified_time(storage_keys.bare(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Lists the disk only: a bucket has no folders."""
        return self.disk.listdir(path)

    def path(self, name: str) -> str:
        """The path of a file on the disk. Raises NotImplementedError for keys in the bucket."""
        if storage_keys.location(name) == storage_keys.BUCKET:
            raise NotImplementedError(f"{name} is in the bucket: use open_local()")
        return self.disk.path(name)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        return self._of(name).open(storage_keys.bare(name), mode)

    def _save(self, name: str, content: Any) -> str:
        return storage_keys.location(name) + self._of(name).save(storage_keys.bare(name), content)

    def _of(self, key: str) -> "LocalStore | S3Store":
        return self._in(storage_keys.location(key))

    def _in(self, place: str) -> "LocalStore | S3Store":
        return self.bucket if place == storage_keys.BUCKET else self.disk


@lru_cache(maxsize=4)
def _bucket(current: Connection, location: Path) -> "S3Store":
    """Imports boto3 only where a bucket is configured: the import takes a quarter of a second and 25 MB."""
    from processing.storage.s3.s3_store import S3Store

    return S3Store(current, location)
