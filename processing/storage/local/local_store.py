"""The store on the local disk: one directory tree. Every step is durable before the next one relies on it.

Write, fsync, rename, fsync of the directory: without any one of them a power cut could lose an acknowledged file.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from django.core.files.storage import FileSystemStorage

from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage import keys as storage_keys
from processing.storage.base import StoredObject, WriterFenced
from processing.storage.keys import DRAFT, FENCE
from processing.storage.local import fsync
from processing.storage.local.partial_file import LocalPartialFile

READ_BYTES = 256 << 10
CANNOT_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
"""Errors of file systems without hard links (exFAT, some network drives)."""


class LocalStore(FileSystemStorage):
    def receive(self, key: str) -> "LocalFileWriter":
        path = Path(self.path(key))
        _makedirs_durably(path.parent)
        return LocalFileWriter(path)

    def grow(self, key: str) -> "LocalPartialFile":
        path = Path(self.path(key))
        _makedirs_durably(path.parent)
        return LocalPartialFile(path)

    @contextmanager
    def open_local(self, key: str) -> Iterator[Path]:
        path = Path(self.path(key))
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "There are no such bytes", key)
        yield path

    def read_range(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        with Path(self.path(key)).open("rb", buffering=0) as file:
            file.seek(start)
            while start < stop:
                chunk = file.read(min(READ_BYTES, stop - start))
                if not chunk:
                    raise OSError(errno.EIO, "The file is shorter than expected", key)
                start += len(chunk)
                yield chunk

    def copy_or_link(self, key: str, as_key: str) -> None:
        fsync.directories(self._copy_or_link(key, as_key))

    def copy_all(self, new_keys: Mapping[str, str]) -> None:
        changed: set[Path] = set()
        for key, new_key in new_keys.items():
            changed |= self._copy_or_link(key, new_key)
            failpoints.reach(Point.COPYING)
        fsync.directories(changed)
        failpoints.reach(Point.COPIED)

    def move_in(self, files: Mapping[str, Path]) -> None:
        targets = {Path(self.path(key)): path for key, path in files.items()}
        directories = {target.parent for target in targets}
        changed = [parent for directory in directories for parent in _makedirs(directory)]
        fsync.files(targets.values())
        for target, path in targets.items():
            path.rename(target)
            failpoints.reach(Point.BETWEEN_RENDITIONS)
        fsync.directories({*directories, *changed})

    def keys(self, prefix: str) -> Iterator[str]:
        root = Path(self.path(prefix))
        for directory, _, names in os.walk(root):
            for name in names:
                yield (Path(directory) / name).relative_to(self.location).as_posix()

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        for key in self.keys(prefix):
            with suppress(FileNotFoundError):  # deleted meanwhile
                status = Path(self.path(key)).stat()
                yield StoredObject(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def move(self, key: str, as_key: str) -> None:
        target = Path(self.path(as_key))
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(self.path(key)).rename(target)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        path = Path(self.path(storage_keys.scratch(name)))
        path.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def delete(self, name: str) -> None:
        path = Path(self.path(name))
        failpoints.reach(Point.BEFORE_DELETE)
        for file_name in (path.name, path.name + DRAFT, path.name + FENCE):
            path.with_name(file_name).unlink(missing_ok=True)
        failpoints.reach(Point.AFTER_DELETE)
        self._prune(path.parent)

    def link(
        self,
        key: str,
        *,
        name: str | None = None,
        content_type: str | None = None,
        seconds: int | None = None,
        method: str = "GET",
    ) -> None:
        return None

    def problem(self) -> None:
        return None

    def is_available(self) -> bool:
        """False if the disk is not mounted: then the directory is empty or missing."""
        return all(Path(self.path(directory)).is_dir() for directory in storage_keys.DIRECTORIES)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.location).free

    def _copy_or_link(self, key: str, as_key: str) -> set[Path]:
        """Returns the directories with a new entry, which the caller has to fsync."""
        source, target = Path(self.path(key)), Path(self.path(as_key))
        changed = _makedirs(target.parent)
        try:
            os.link(source, target)
        except FileExistsError:  # the process that made the link may have been killed before it was durable
            changed = [directory for directory in target.parents if directory.is_relative_to(self.location)]
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            self._copy(source, target)
        return {target.parent, *changed}

    def _copy(self, source: Path, target: Path) -> None:
        """Copies through a temporary file in incoming/, because a sweep after a crash looks for orphans only there."""
        draft = Path(self.path(storage_keys.draft(f"{storage_keys.INCOMING}/{target.name}")))
        _makedirs_durably(draft.parent)
        shutil.copyfile(source, draft)
        fsync.file(draft)
        draft.rename(target)

    def _prune(self, directory: Path) -> None:
        """Removes the directory of a claim if it is empty. Its parents are shared: another process may be about to use them."""
        if len(directory.relative_to(self.location).parts) == 3 or directory.suffix == storage_keys.SCRATCH:
            with suppress(OSError):  # not empty, or gone already
                directory.rmdir()


class LocalFileWriter:
    """Writes a temporary file in the target directory, and renames it on commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(path.name + DRAFT)
        self._file = self._draft.open("wb")

    def write(self, chunk: bytes) -> None:
        offset = self._file.tell()
        self._file.write(chunk)
        fsync.start_writeback(self._file.fileno(), offset, len(chunk))

    def commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        try:
            self._draft.rename(self._path)
        except FileNotFoundError:
            if self._path.parent.is_dir():  # otherwise the storage is not mounted
                raise WriterFenced from None
            raise
        fsync.directory(self._path.parent)

    def abort(self) -> None:
        with suppress(OSError):  # the last flush may fail on a full disk; the temporary file is deleted anyway
            self._file.close()
        self._draft.unlink(missing_ok=True)


def _makedirs_durably(path: Path) -> None:
    fsync.directories(_makedirs(path))


def _makedirs(path: Path) -> list[Path]:
    """Makes a directory and its parents. Returns the directories with a new entry, which the caller has to fsync."""
    if path.is_dir():
        return []
    changed = _makedirs(path.parent)
    path.mkdir(exist_ok=True)
    return [*changed, path.parent]
