"""File modes in DATA_DIR: other users have no access, the group reads what a proxy sends, and the owner alone reads the rest.

A proxy on the same machine (X_ACCEL) reads static/, originals/, renditions/ and incoming/ through the group of DATA_DIR. So the
group must not be able to read the database, the queue or a secret. SQLite creates its log and shared memory (-wal, -shm,
-journal) with the mode of the database (`findCreateFileMode` in SQLite's os_unix.c), so only the database's mode has to be set.
"""

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

UMASK = 0o027
"""A umask: files 0640, directories 0750."""
OWNER_ONLY_MODE = 0o600
SECRETS = ("secret_key", "first_user_link", "db.sqlite3", "huey.sqlite3")
"""Files in DATA_DIR that only their owner may read."""
SQLITE_SUFFIXES = ("", "-wal", "-shm", "-journal")
NOT_A_PATH = ("file:", ":memory:")
"""Prefixes of database names that are not paths."""


class PrivateConnection(sqlite3.Connection):
    """A connection that creates its database file readable only by the owner, regardless of the umask."""

    def __init__(self, database: Any, *args: Any, **kwargs: Any) -> None:
        make_private(os.fsdecode(database))
        super().__init__(database, *args, **kwargs)


def restrict_umask() -> None:
    """Restricts the umask, so that new files of this process and its children give other users no access.

    A stricter umask stays unchanged.
    """
    os.umask(os.umask(UMASK) | UMASK)


def make_private(path: str) -> None:
    """Creates an empty file that only its owner can access, unless the file exists.

    Uses mknod(2) instead of open(2): closing any descriptor of a database releases all POSIX locks that this process holds on it,
    and other processes could then write at the same time.
    """
    if path and not path.startswith(NOT_A_PATH) and not Path(path).exists():
        with suppress(OSError):  # another process has just created it, or SQLite will report why it cannot be created
            os.mknod(path, OWNER_ONLY_MODE)


def tighten(data_dir: Path, *databases: Path) -> None:
    """Removes other users' access to secrets, database and queue, with SQLite's additional files, from earlier versions.

    Skips links and files of other users; `readable()` returns them.
    """
    for path in _private(data_dir, databases):
        with suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o077:
                path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def readable(data_dir: Path, *databases: Path) -> list[Path]:
    """Returns the private files that other users or the group may read or write."""
    paths = []
    for path in _private(data_dir, databases):
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                paths.append(path)
    return paths


def _private(data_dir: Path, databases: Iterable[Path]) -> Iterator[Path]:
    for path in {*(data_dir / name for name in SECRETS), *databases}:
        for suffix in SQLITE_SUFFIXES:
            yield path.with_name(path.name + suffix)
