"""The store on a local disk: one directory tree, every step durable in the order that a power cut respects.

Written, fsynced, renamed, directory fsynced: leave one out, and an acknowledged file can be gone after the lights come back.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.files.storage import FileSystemStorage

CANNOT_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
"""What file systems without hard links (exFAT, some network drives) answer."""


ROOMS = ("incoming", "originals", "renditions")


class LocalStore(FileSystemStorage):
    def receive(self, key: str) -> "LocalReceiving":
        path = Path(self.path(key))
        _make_directory(path.parent)
        return LocalReceiving(path)

    @contextmanager
    def borrow(self, key: str) -> Iterator[Path]:
        path = Path(self.path(key))
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "There are no such bytes", key)
        yield path

    def keep(self, key: str, as_key: str) -> None:
        source, target = Path(self.path(key)), Path(self.path(as_key))
        _make_directory(target.parent)
        try:
            os.link(source, target)
        except FileExistsError:
            return
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            _copy(source, target)
        _sync_directory(target.parent)

    def adopt(self, files: Mapping[str, Path]) -> None:
        targets = {Path(self.path(key)): path for key, path in files.items()}
        directories = {target.parent for target in targets}
        for directory in directories:
            _make_directory(directory)
        for target, path in targets.items():
            _sync_file(path)
            path.rename(target)
        for directory in directories:
            _sync_directory(directory)

    def keys(self, prefix: str) -> Iterator[str]:
        root = Path(self.path(prefix))
        for directory, _, names in os.walk(root):
            for name in names:
                yield (Path(directory) / name).relative_to(self.location).as_posix()

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        path = Path(self.path(f"incoming/{name}.work"))
        path.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def delete(self, name: str) -> None:
        path = Path(self.path(name))
        path.unlink(missing_ok=True)
        self._prune(path.parent)

    def is_there(self) -> bool:
        """A disk that is not mounted leaves an empty directory, or none."""
        return all(Path(self.path(room)).is_dir() for room in ROOMS)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.location).free

    def _prune(self, directory: Path) -> None:
        """Remove a claim's own directory when it is empty; those above are shared, and somebody may be about to write there."""
        if len(directory.relative_to(self.location).parts) == 3 or directory.suffix == ".work":
            with suppress(OSError):  # not empty, or gone already
                directory.rmdir()


class LocalReceiving:
    """Grows beside its final name, and takes it when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(path.name + ".part")
        self._file = self._draft.open("wb")

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._draft.rename(self._path)
        _sync_directory(self._path.parent)

    def abort(self) -> None:
        with suppress(OSError):  # a full disk may refuse the last flush; the draft goes all the same
            self._file.close()
        self._draft.unlink(missing_ok=True)


def _make_directory(path: Path) -> None:
    if path.is_dir():
        return
    _make_directory(path.parent)
    path.mkdir(exist_ok=True)
    _sync_directory(path.parent)


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(target.name + ".part")
    shutil.copyfile(source, draft)
    _sync_file(draft)
    draft.rename(target)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
