"""The directory that a worker shares with its child process: the file to read, and the output directory.

The child is not trusted: the worker checks each output file before it moves the file to its own directory.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from processing.pipeline.picture import Rendition
from processing.pipeline.process.messages import InvalidMessage

MAX_BYTES = 1024 * 1024 * 1024
"""For all output files of one picture. Four renditions, and those of an animation, take a hundredth of it."""
MAX_FILES = 1000
NAME = re.compile(r"[1-9][0-9]{0,4}\.(webp|avif)")
SIGNATURES = {".webp": re.compile(rb"RIFF....WEBP", re.DOTALL), ".avif": re.compile(rb"....ftypavi[fs]", re.DOTALL)}
LINK_UNSUPPORTED = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
LOCK_NAME = "in-use"


class Workspace:
    """A directory with `in/`, for the file to read, and `out/`, for the output files. Each sandbox has its own.

    With `parent`, the workspaces of killed workers there are removed first. Without, it is in the system's temporary directory.
    """

    def __init__(self, parent: Path | None) -> None:
        with _locked(parent):
            self.path = Path(tempfile.mkdtemp(prefix="sandbox-", dir=parent))
            self._in_use = (self.path / LOCK_NAME).open("wb")
            with suppress(OSError):  # without file locks no worker can lock it, so none removes it
                fcntl.flock(self._in_use, fcntl.LOCK_EX)
        self.out = self.path / "out"
        for directory in (self.path / "in", self.out):
            directory.mkdir()

    @property
    def exists(self) -> bool:
        return self.out.is_dir()

    @contextmanager
    def open_source(self, source: Path) -> Iterator[Path]:
        """Context manager for the path under which the child may read `source`. Raises OSError.

        The path is a hard link, which costs nothing and hides the file's own directory from the child. If the file is on another
        file system, the path is a copy.
        """
        offered = self.path / "in" / "photo"
        offered.unlink(missing_ok=True)
        try:
            _link_or_copy(source.resolve(), offered)
            yield offered
        finally:
            offered.unlink(missing_ok=True)

    def is_too_full(self) -> bool:
        """True if the output exceeds MAX_BYTES or MAX_FILES. The child cannot delete files, so none is missed."""
        count = used = 0
        with suppress(FileNotFoundError), os.scandir(self.out) as entries:
            for entry in entries:
                count, used = count + 1, used + entry.stat(follow_symlinks=False).st_blocks * 512
                if used > MAX_BYTES or count > MAX_FILES:
                    return True
        return False

    def move_output(self, rendition: Rendition, to: Path) -> Rendition:
        """Moves an output file to the worker's directory `to` and returns the rendition with its new path.

        Raises InvalidMessage if it is not a regular WebP or AVIF file of the size that the child reported. Raises OSError.
        """
        source = Path(rendition.path)
        if source.parent != self.out or not NAME.fullmatch(source.name):
            raise InvalidMessage
        target = to / source.name
        with _opened(source, rendition.bytes) as file:
            if not SIGNATURES[source.suffix].match(file.read(16)):
                raise InvalidMessage
            _move(file, source, target)
        return Rendition(str(target), rendition.width, rendition.height, rendition.bytes)

    def clear(self) -> None:
        """Deletes everything in the output directory."""
        for entry in os.scandir(self.out):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - an entry is no path

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._in_use.close()


@contextmanager
def _locked(parent: Path | None) -> Iterator[None]:
    """Creates `parent`, deletes the workspaces of dead workers in it, and holds its lock while the block runs."""
    if parent is None:
        yield
        return
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (parent / "lock").open("wb") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        for path in parent.glob("sandbox-*"):
            if _is_orphaned(path):
                shutil.rmtree(path, ignore_errors=True)
        yield


def _is_orphaned(path: Path) -> bool:
    try:
        with (path / LOCK_NAME).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINK_UNSUPPORTED:
            raise
        shutil.copyfile(source, target)


def _opened(path: Path, size: int) -> BinaryIO:
    """Opens a regular file of that size with one link and no setuid, setgid or sticky bit. Else raises InvalidMessage."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO, errno.EACCES):
            raise InvalidMessage from error
        raise
    status = os.fstat(descriptor)
    is_plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and not status.st_mode & 0o7000
    if not is_plain or status.st_size != size:
        os.close(descriptor)
        raise InvalidMessage
    return os.fdopen(descriptor, "rb")


def _move(file: BinaryIO, source: Path, target: Path) -> None:
    """Renames the file. If the target is on another file system, copies the open file instead."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        file.seek(0)
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)
            copy.flush()
            os.fsync(copy.fileno())
    else:
        # The renamed file must be the one that was checked: without Landlock, the child could have replaced it in between.
        if not os.path.samestat(os.fstat(file.fileno()), target.lstat()):
            target.unlink()
            raise InvalidMessage
