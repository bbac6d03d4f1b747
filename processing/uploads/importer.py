"""The import command's door: local files and folders, through the same intake as every other."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from django.contrib.auth.models import User

from albums.models import Album
from processing.lib import natural_sort
from processing.models import Batch, Upload
from processing.models.states import UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, lifecycle, rejections, skipped_files
from processing.uploads.heartbeat import Heartbeat
from processing.uploads.rejections import Refusal, Refused
from processing.uploads.writer import Stream

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A file to import; or, with the reason why, one to be skipped."""

    path: Path
    skipped: Refusal | None = None


class FilesIntake:
    """Takes files into an album as one batch, whose size nothing limits. `batch` is None as long as no file came."""

    def __init__(self, album: Album, user: User | None = None) -> None:
        self.batch: Batch | None = None
        self._album, self._user = album, user
        self._touched = time.monotonic()
        self._heart = Heartbeat()

    def take(self, found: Iterable[Found]) -> Iterator[Upload]:
        """Hand over each file as it lands, and yield its upload, which has ended: received, refused or skipped.

        Raises AlbumBusy before the first. Ends early when somebody cancels the batch.
        """
        rest = iter(found)
        file = next(rest, None)
        expected = self._expect(file)
        try:
            while file and expected:
                upload, source = expected, file
                # The next file is expected before this one ends: in between the album would be free, and somebody else's.
                file = next(rest, None)
                expected = self._expect(file)
                yield self._taken(upload, source)
                if upload.state == UploadState.CANCELLED:
                    return
        finally:
            self._heart.end()
            for upload in Upload.objects.receiving().filter(batch=self.batch):
                lifecycle.refuse(upload, rejections.STOPPED)

    def _expect(self, file: Found | None) -> Upload | None:
        if file is None:
            return None
        if self.batch:
            return lifecycle.create(self.batch, str(file.path))
        upload = batches.open_with_upload(self._album, self._user, Batch.Source.IMPORT, str(file.path))
        self.batch = upload.batch
        self._heart.begin(self.batch)
        return upload

    def _taken(self, upload: Upload, file: Found) -> Upload:
        if file.skipped:
            lifecycle.skip(upload, file.skipped)
            return upload
        try:
            stream = self._stored(upload, file.path)
        except Refused as refused:
            lifecycle.refuse(upload, refused.refusal)
        else:
            lifecycle.finish(upload, stream.size, stream.sha256)
        upload.refresh_from_db()
        return upload

    def _stored(self, upload: Upload, path: Path) -> Stream:
        stream = Stream(upload)
        try:
            for chunk in _read(path):
                self._heart.heard()
                self._keep_alive(stream)
                stream.write(chunk)
            stream.land()
        except BaseException:
            stream.abort()
            raise
        return stream

    def _keep_alive(self, stream: Stream) -> None:
        if time.monotonic() - self._touched > lifecycle.touch_seconds():
            self._touched = time.monotonic()
            lifecycle.touch(stream.upload, stream.size)


def walk(paths: Iterable[Path]) -> Iterator[Found]:
    """The files, and those in the folders, in the order of their names.

    Companions, and what is hidden in a folder, are found with the reason to skip them.
    Links to folders are not followed, so that the walk ends. A folder that cannot be listed is yielded itself, for its reason to
    be told when it is read.
    """
    for path in paths:
        if path.is_dir():
            yield from _inside(path, PurePath())
        else:
            yield Found(path, _reason_to_skip(path, PurePath()))


def _inside(folder: Path, way: PurePath) -> Iterator[Found]:
    """`way` is from the folder that was named to this one: names above it say nothing."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_sort.natural(entry.name))
    except OSError:
        yield Found(folder, _reason_to_skip(folder, way / folder.name) if way.parts else None)
        return
    for entry in entries:
        if entry.is_file():
            yield Found(entry, _reason_to_skip(entry, way / entry.name))
        elif entry.is_dir() and not entry.is_symlink():
            yield from _inside(entry, way / entry.name)


def _reason_to_skip(file: Path, way: PurePath) -> Refusal | None:
    """Of a file in a system's folder, its place; of one called like a companion, its bytes; else, whether it is hidden."""
    if extensions.is_in_companion_folder(str(way)):
        return rejections.COMPANION
    if extensions.is_companion(file.name):
        return None if skipped_files.holds_photo(file, file.name) else rejections.COMPANION
    return rejections.HIDDEN if any(part.startswith(".") for part in way.parts) else None


def _read(path: Path) -> Iterator[bytes]:
    try:
        if path.is_dir():
            next(path.iterdir(), None)  # raises what made the walk stop here
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Refused(rejections.UNREADABLE.filled(reason=error.strerror or error)) from error
