"""The import command's door: local files and folders, through the same intake as every other."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.contrib.auth.models import User

from albums.models import Album
from processing import batches
from processing.intake import refusals, uploads
from processing.intake.heartbeat import Heartbeat
from processing.intake.refusals import Refused
from processing.intake.stream import Stream
from processing.models import Batch, Upload
from processing.states import UploadState

CHUNK = 1 << 20


class FilesIntake:
    """Takes files into an album as one batch, whose size nothing limits. `batch` is None as long as no file came."""

    def __init__(self, album: Album, user: User | None = None) -> None:
        self.batch: Batch | None = None
        self._album, self._user = album, user
        self._touched = time.monotonic()
        self._heart = Heartbeat()

    def take(self, paths: Iterable[Path]) -> Iterator[Upload]:
        """Hand over each file as it lands, and yield its upload, which has ended: received, or refused with the reason.

        Raises AlbumBusy before the first. Ends early when somebody cancels the batch.
        """
        rest = iter(paths)
        path = next(rest, None)
        expected = self._expect(path)
        try:
            while path and expected:
                upload, source = expected, path
                # The next file is expected before this one ends: in between the album would be free, and somebody else's.
                path = next(rest, None)
                expected = self._expect(path)
                yield self._taken(upload, source)
                if upload.state == UploadState.CANCELLED:
                    return
        finally:
            self._heart.end()
            for upload in Upload.objects.receiving().filter(batch=self.batch):
                uploads.refuse(upload, refusals.STOPPED)

    def _expect(self, path: Path | None) -> Upload | None:
        if path is None:
            return None
        if self.batch:
            return uploads.create(self.batch, path.name)
        upload = batches.open_with_upload(self._album, self._user, Batch.Source.IMPORT, path.name)
        self.batch = upload.batch
        self._heart.begin(self.batch)
        return upload

    def _taken(self, upload: Upload, path: Path) -> Upload:
        try:
            stream = self._stored(upload, path)
        except Refused as refused:
            uploads.refuse(upload, refused.refusal)
        else:
            uploads.finish(upload, stream.size, stream.sha256)
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
        if time.monotonic() - self._touched > uploads.touch_seconds():
            self._touched = time.monotonic()
            uploads.touch(stream.upload, stream.size)


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, and those in the folders, by name; what is hidden is left out.

    Links to folders are not followed, so that the walk ends. A folder that cannot be listed is yielded itself, for its reason to
    be told when it is read.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        try:
            entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        except OSError:
            yield path
            continue
        yield from walk(entry for entry in entries if entry.is_file() or (entry.is_dir() and not entry.is_symlink()))


def _read(path: Path) -> Iterator[bytes]:
    try:
        if path.is_dir():
            next(path.iterdir(), None)  # raises what made the walk stop here
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Refused(refusals.UNREADABLE.filled(reason=error.strerror or error)) from error
