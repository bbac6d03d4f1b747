"""The directory that a worker shares with its child: the one file that the child may read, and the one place where it may write.

The child is not believed: a file that it made is taken over only if it is what it says.
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
from processing.pipeline.process.messages import Garbled

MOST_BYTES = 1024 * 1024 * 1024
"""Of all that a child writes for one picture. Four renditions and an animation's take a hundredth of it."""
MOST_FILES = 1000
NAME = re.compile(r"[1-9][0-9]{0,4}\.(webp|avif)")
BEGINNINGS = {".webp": re.compile(rb"RIFF....WEBP", re.DOTALL), ".avif": re.compile(rb"....ftypavi[fs]", re.DOTALL)}
CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
IN_USE = "in-use"


class Workspace:
    """`path` holds `in/`, for the file to be read, and `out/`, for those that are made. Owned by one sandbox.

    With a parent, what killed workers have left there is removed first. Without, it lies among the system's temporary files.
    """

    def __init__(self, parent: Path | None) -> None:
        with _alone_in(parent):
            self.path = Path(tempfile.mkdtemp(prefix="sandbox-", dir=parent))
            self._in_use = (self.path / IN_USE).open("wb")
            with suppress(OSError):  # without locks, whoever looks cannot take it either, and leaves it
                fcntl.flock(self._in_use, fcntl.LOCK_EX)
        self.out = self.path / "out"
        for directory in (self.path / "in", self.out):
            directory.mkdir()

    @property
    def is_there(self) -> bool:
        return self.out.is_dir()

    @contextmanager
    def offering(self, source: Path) -> Iterator[Path]:
        """The name by which the child may read this file, while the block runs. Raises OSError.

        A hard link: it costs nothing, and of the file's own directory the child sees nothing. Where the file lies on another
        file system, a copy.
        """
        offered = self.path / "in" / "photo"
        offered.unlink(missing_ok=True)
        try:
            _link_or_copy(source.resolve(), offered)
            yield offered
        finally:
            offered.unlink(missing_ok=True)

    def is_too_full(self) -> bool:
        """Whether the child has written more than any picture takes. It can delete nothing, so all of it is here."""
        count = used = 0
        with suppress(FileNotFoundError), os.scandir(self.out) as entries:
            for entry in entries:
                count, used = count + 1, used + entry.stat(follow_symlinks=False).st_blocks * 512
                if used > MOST_BYTES or count > MOST_FILES:
                    return True
        return False

    def take(self, rendition: Rendition, to: Path) -> Rendition:
        """Moves a file that the child has made to a directory of ours; answers it under its new name.

        Raises Garbled if it is not a plain picture file of the size that the child tells, or OSError.
        """
        made = Path(rendition.path)
        if made.parent != self.out or not NAME.fullmatch(made.name):
            raise Garbled
        taken = to / made.name
        with _opened(made, rendition.bytes) as file:
            if not BEGINNINGS[made.suffix].match(file.read(16)):
                raise Garbled
            _move(file, made, taken)
        return Rendition(str(taken), rendition.width, rendition.height, rendition.bytes)

    def clear(self) -> None:
        """Removes whatever the child has left."""
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
def _alone_in(parent: Path | None) -> Iterator[None]:
    """Makes the directory and removes what is nobody's there. Nobody else makes or removes anything meanwhile."""
    if parent is None:
        yield
        return
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (parent / "lock").open("wb") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        for path in parent.glob("sandbox-*"):
            if _is_nobodys(path):
                shutil.rmtree(path, ignore_errors=True)
        yield


def _is_nobodys(path: Path) -> bool:
    try:
        with (path / IN_USE).open("r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        shutil.copyfile(source, target)


def _opened(path: Path, size: int) -> BinaryIO:
    """A plain file of that size, with no other name and no special bits. Raises Garbled for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO, errno.EACCES):
            raise Garbled from error
        raise
    found = os.fstat(handle)
    is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and not found.st_mode & 0o7000
    if not is_plain or found.st_size != size:
        os.close(handle)
        raise Garbled
    return os.fdopen(handle, "rb")


def _move(file: BinaryIO, made: Path, taken: Path) -> None:
    """Renames it; to another file system, copies what is open."""
    try:
        made.rename(taken)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        file.seek(0)
        with taken.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)
            copy.flush()
            os.fsync(copy.fileno())
    else:
        # What was looked at is what was moved: without fences, the child could put something else there in between.
        if not os.path.samestat(os.fstat(file.fileno()), taken.lstat()):
            taken.unlink()
            raise Garbled
