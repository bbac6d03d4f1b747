"""Who may read the files in DATA_DIR: others nothing at all, the group what a proxy sends, their owner alone the rest.

A proxy on the same machine (X_ACCEL) reads static/, originals/, renditions/ and incoming/ through the group of DATA_DIR. So that
group must not be able to read the database, the queue or a secret. SQLite gives its log and shared memory (-wal, -shm,
-journal) the mode of the database (`findCreateFileMode` in SQLite's os_unix.c): the database's mode is all there is to set.
"""

import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

NOT_FOR_OTHERS = 0o027
"""As a umask: files 0640, directories 0750."""
OWNER_ALONE = 0o600
SECRETS = ("secret_key", "first_user_link", "db.sqlite3", "huey.sqlite3")
"""Names in DATA_DIR of what its owner alone may read."""
SQLITE_FILES = ("", "-wal", "-shm", "-journal")
NOT_A_PATH = ("file:", ":memory:")
"""How names begin that SQLite does not take for a path."""


class PrivateConnection(sqlite3.Connection):
    """A connection to a database that its owner alone can read, whatever the umask is when it makes the file."""

    def __init__(self, database: Any, *args: Any, **kwargs: Any) -> None:
        make_private(os.fsdecode(database))
        super().__init__(database, *args, **kwargs)


def restrict_umask() -> None:
    """From now on this process, and those it starts, give others no access to a file. A stricter umask stays as it is."""
    os.umask(os.umask(NOT_FOR_OTHERS) | NOT_FOR_OTHERS)


def make_private(path: str) -> None:
    """Make an empty file for its owner alone, unless there is one.

    By mknod(2) and not open(2): closing any descriptor of a database drops all locks that this process has on it (POSIX), and
    with them what keeps other processes from writing at the same time.
    """
    if path and not path.startswith(NOT_A_PATH) and not Path(path).exists():
        with suppress(OSError):  # another process made it just now; or it cannot be made, and SQLite says why
            os.mknod(path, OWNER_ALONE)


def tighten(data_dir: Path, *databases: Path) -> None:
    """Take from all but the owner what an earlier version left readable: secrets, database, queue, SQLite's files beside them.

    Files that belong to another user, and links, are left alone; `readable()` tells of them.
    """
    for path in _private(data_dir, databases):
        with suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o077:
                path.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def readable(data_dir: Path, *databases: Path) -> list[Path]:
    """The private files that more people than their owner may read or write."""
    found = []
    for path in _private(data_dir, databases):
        with suppress(OSError):
            if path.stat().st_mode & 0o077:
                found.append(path)
    return found


def _private(data_dir: Path, databases: Iterable[Path]) -> Iterator[Path]:
    for path in {*(data_dir / name for name in SECRETS), *databases}:
        for ending in SQLITE_FILES:
            yield path.with_name(path.name + ending)
