"""The directory of a backup: who may write to it, its files by their checksums, its snapshots by their times."""

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

from processing.backups import Refused
from processing.backups.manifest import Entry
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage.local import fsync

CHUNK = 1 << 20
PRIVATE = 0o700
"""The database holds password hashes, and photos are nobody else's."""


class Damaged(Exception):
    """A file is not what its entry says, or cannot be read."""


class Vault:
    def __init__(self, root: Path) -> None:
        self._root, self._files, self._snapshots = root, root / "files", root / "snapshots"
        self._drafts = root / "drafts"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For one writer at a time; what another left half done is cleared away. Raises Refused while there is another."""
        before = os.umask(
            0o777 & ~PRIVATE
        )  # for the owner alone is also what the database's and storage's code writes here
        try:
            with self._locked():
                yield
        finally:
            os.umask(before)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        for directory in (self._root, self._files, self._snapshots, self._drafts):
            directory.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for directory in (self._files, self._snapshots, self._drafts):
            if stat.S_IMODE(directory.stat().st_mode) != PRIVATE:  # copied from elsewhere, say
                with suppress(PermissionError):
                    directory.chmod(PRIVATE)
        with (self._root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(f"Another backup into {self._root} is at work.") from None
            self._clear_drafts()
            yield

    def has(self, entry: Entry) -> bool:
        """Is it there? By its size alone: reading everything again is a drill's work."""
        try:
            return self.path(entry).stat().st_size == entry.bytes
        except FileNotFoundError:
            return False

    def path(self, entry: Entry) -> Path:
        return self._files / entry.sha256[:2] / entry.sha256

    def add(self, entry: Entry, source: Path) -> None:
        """Copy it in, checked on the way. Raises Damaged; nothing of it is kept then."""
        draft, target = self._drafts / entry.sha256, self.path(entry)
        copy(entry, source, draft)
        failpoints.reach(Point.BACKING_UP)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=PRIVATE)
            fsync.directory(self._files)
        draft.rename(target)

    def sync(self) -> None:
        """The names of all files survive a power cut from here on; their bytes do already."""
        for directory in self._files.iterdir():
            fsync.directory(directory)

    def new_draft(self) -> Path:
        """An empty directory for a snapshot in the making."""
        path = self._drafts / "snapshot"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=PRIVATE)
        return path

    def publish(self, draft: Path) -> str:
        """The draft becomes a snapshot. Its name, which is the time."""
        name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%fZ}"
        for path in draft.iterdir():
            fsync.file(path)
        fsync.directory(draft)
        draft.rename(self._snapshots / name)
        fsync.directory(self._snapshots)
        return name

    def names(self) -> list[str]:
        """Of all snapshots, the oldest first."""
        return sorted(path.name for path in self._snapshots.iterdir()) if self._snapshots.is_dir() else []

    def snapshot(self, name: str) -> Path:
        """Its directory; the newest one's without a name. Raises Refused if there is none."""
        names = self.names()
        if not names:
            raise Refused(f"There is no complete backup in {self._root}.")
        if name and name not in names:
            raise Refused(f"There is no snapshot {name} in {self._root}; there are {', '.join(names)}.")
        return self._snapshots / (name or names[-1])

    def forget(self, name: str) -> None:
        """Half a snapshot must never be seen: it turns into a draft, and that is cleared away."""
        (self._snapshots / name).rename(self._drafts / name)
        fsync.directory(self._snapshots)
        shutil.rmtree(self._drafts / name)

    def stored(self) -> Iterator[Path]:
        """Every file, in the order of checksums."""
        for directory in sorted(self._files.iterdir()):
            yield from sorted(directory.iterdir())

    def _clear_drafts(self) -> None:
        for path in self._drafts.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def copy(entry: Entry, source: Path, target: Path) -> None:
    """A durable copy, held to size and checksum. Raises Damaged, and FileNotFoundError for a source that is gone."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := _read(reading.fileno()):
            digest.update(chunk)
            size += len(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    if (size, digest.hexdigest()) != (entry.bytes, entry.sha256):
        with suppress(FileNotFoundError):
            target.unlink()
        raise Damaged


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, CHUNK)
    except OSError as error:
        if error.errno == errno.EIO:  # a bad sector: this file's trouble alone
            raise Damaged from error
        raise
