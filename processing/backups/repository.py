"""The directory of a backup: its lock, its files by checksum, and its snapshots by time."""

import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from processing.backups import BackupError
from processing.backups.snapshot_manifest import ManifestEntry
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage.local import fsync

CHUNK = 1 << 20
PRIVATE = 0o700
"""Owner only: the database has password hashes, and photos are private."""


class FileDamaged(Exception):
    """A file differs from its manifest entry, or cannot be read."""


class Repository:
    def __init__(self, root: Path) -> None:
        self._root, self._files, self._snapshots = root, root / "files", root / "snapshots"
        self._drafts = root / "drafts"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the repository for one writer, and deletes drafts of interrupted runs. Raises BackupError if it is locked."""
        # Files that the database's and the storage's code writes here must be private too.
        previous_umask = os.umask(0o777 & ~PRIVATE)
        try:
            with self._locked():
                yield
        finally:
            os.umask(previous_umask)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for directory in (self._root, self._files, self._snapshots, self._drafts):
            directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for directory in (self._files, self._snapshots, self._drafts):
            if stat.S_IMODE(directory.stat().st_mode) != PRIVATE:  # for example after copying the repository
                with suppress(PermissionError):
                    directory.chmod(PRIVATE)
        with (self._root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"Another backup to {self._root} is running.") from None
            self._clear_drafts()
            yield

    def has(self, entry: ManifestEntry) -> bool:
        """True if a file of this checksum and size is stored. Its content is not read: that is the task of the restore drill."""
        try:
            return self.path(entry).stat().st_size == entry.bytes
        except FileNotFoundError:
            return False

    def path(self, entry: ManifestEntry) -> Path:
        return self._files / entry.sha256[:2] / entry.sha256

    def add(self, entry: ManifestEntry, source: Path) -> None:
        """Copies a file into the repository, and verifies its size and checksum. Raises FileDamaged; then nothing is stored."""
        draft, target = self._drafts / entry.sha256, self.path(entry)
        copy(entry, source, draft)
        failpoints.reach(Point.BACKING_UP)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=PRIVATE)
            fsync.directory(self._files)
        draft.rename(target)

    def sync(self) -> None:
        """Makes the names of all files durable. Their bytes are durable already."""
        for directory in self._files.iterdir():
            fsync.directory(directory)

    def new_draft(self) -> Path:
        """Creates an empty directory for a new snapshot."""
        path = self._drafts / "snapshot"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=PRIVATE)
        return path

    def publish(self, draft: Path) -> str:
        """Publishes the draft as a snapshot. Returns its name, which is the current time."""
        name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}"
        for path in draft.iterdir():
            fsync.file(path)
        fsync.directory(draft)
        draft.rename(self._snapshots / name)
        fsync.directory(self._snapshots)
        return name

    def names(self) -> list[str]:
        """The names of all snapshots, the oldest first."""
        return sorted(path.name for path in self._snapshots.iterdir()) if self._snapshots.is_dir() else []

    def snapshot(self, name: str) -> Path:
        """The directory of a snapshot; of the newest one if `name` is empty. Raises BackupError if there is none."""
        names = self.names()
        if not names:
            raise BackupError(f"No complete backup in {self._root}.")
        if name and name not in names:
            raise BackupError(f"No snapshot {name} in {self._root}. Available: {', '.join(names)}.")
        return self._snapshots / (name or names[-1])

    def delete_snapshot(self, name: str) -> None:
        """Deletes a snapshot. It becomes a draft first, so that no partly deleted snapshot is visible."""
        (self._snapshots / name).rename(self._drafts / name)
        fsync.directory(self._snapshots)
        shutil.rmtree(self._drafts / name)

    def stored(self) -> Iterator[Path]:
        """Yields the path of every stored file, sorted by checksum."""
        for directory in sorted(self._files.iterdir()):
            yield from sorted(directory.iterdir())

    def _clear_drafts(self) -> None:
        for path in self._drafts.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def copy(entry: ManifestEntry, source: Path, target: Path) -> None:
    """Makes a durable copy, and verifies size and checksum. Raises FileDamaged, or FileNotFoundError if the source is missing."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as source_file, target.open("wb") as target_file:
        while chunk := _read(source_file.fileno()):
            digest.update(chunk)
            size += len(chunk)
            target_file.write(chunk)
        target_file.flush()
        os.fsync(target_file.fileno())
    if (size, digest.hexdigest()) != (entry.bytes, entry.sha256):
        with suppress(FileNotFoundError):
            target.unlink()
        raise FileDamaged


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, CHUNK)
    except OSError as error:
        if error.errno == errno.EIO:  # a bad sector affects only this file
            raise FileDamaged from error
        raise
