"""Imports local files and folders, for the import_photos command."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from django.contrib.auth.models import User

from albums.columns import natural_sort
from albums.models import Album
from processing.models import Batch, Upload
from processing.models.states import UploadState
from processing.pipeline.formats import extensions
from processing.uploads import batches, lifecycle, rejections, skipped_files
from processing.uploads.heartbeat import Heartbeat
from processing.uploads.rejections import RejectionReason, UploadRejected
from processing.uploads.writer import UploadWriter

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file to import, or to skip if `skipped` is a reason."""

    path: Path
    skipped: RejectionReason | None = None


class Importer:
    """Imports files into an album as one batch of any size. `batch` is None until the first file."""

    def __init__(self, album: Album, user: User | None = None) -> None:
        self.batch: Batch | None = None
        self._album, self._user = album, user
        self._touched_at = time.monotonic()
        self._heartbeat = Heartbeat()

    def run(self, files: Iterable[ImportFile]) -> Iterator[Upload]:
        """Stores and acknowledges each file, and yields its upload, which has ended as received, rejected or skipped.

        Raises AlbumBusy before the first file. Stops if the batch is cancelled.
        """
        remaining = iter(files)
        next_file = next(remaining, None)
        next_upload = self._create_upload(next_file)
        try:
            while next_file and next_upload:
                upload, current_file = next_upload, next_file
                # The next upload is created before this one ends, so that no other batch can lock the album in between.
                next_file = next(remaining, None)
                next_upload = self._create_upload(next_file)
                yield self._import_file(upload, current_file)
                if upload.state == UploadState.CANCELLED:
                    return
        finally:
            self._heartbeat.end()
            for upload in Upload.objects.receiving().filter(batch=self.batch):
                lifecycle.reject(upload, rejections.STOPPED)

    def _create_upload(self, file: ImportFile | None) -> Upload | None:
        if file is None:
            return None
        if self.batch:
            return lifecycle.create(self.batch, str(file.path))
        upload = batches.open_with_upload(self._album, self._user, Batch.Source.IMPORT, str(file.path))
        self.batch = upload.batch
        self._heartbeat.begin(self.batch)
        return upload

    def _import_file(self, upload: Upload, file: ImportFile) -> Upload:
        if file.skipped:
            lifecycle.skip(upload, file.skipped)
            return upload
        try:
            stream = self._store(upload, file.path)
        except UploadRejected as error:
            lifecycle.reject(upload, error.reason)
        else:
            lifecycle.finish(upload, stream.size, stream.sha256)
        upload.refresh_from_db()
        return upload

    def _store(self, upload: Upload, path: Path) -> UploadWriter:
        stream = UploadWriter(upload)
        try:
            for chunk in _chunks(path):
                self._heartbeat.received()
                self._keep_alive(stream)
                stream.write(chunk)
            stream.commit()
        except BaseException:
            stream.abort()
            raise
        return stream

    def _keep_alive(self, stream: UploadWriter) -> None:
        if time.monotonic() - self._touched_at > lifecycle.touch_seconds():
            self._touched_at = time.monotonic()
            lifecycle.touch(stream.upload, stream.size)


def walk(paths: Iterable[Path]) -> Iterator[ImportFile]:
    """Yields the files in `paths` and in the folders among them, sorted by name within each folder.

    Companions and hidden files in folders have a reason to skip them. Links to folders are not followed, so there are no loops.
    A folder that cannot be listed is yielded itself: reading it raises the error to report.
    """
    for path in paths:
        if path.is_dir():
            yield from _walk_folder(path, PurePath())
        else:
            yield ImportFile(path, _reason_to_skip(path, PurePath()))


def _walk_folder(folder: Path, relative_path: PurePath) -> Iterator[ImportFile]:
    """Yields the files of a folder. `relative_path` is relative to the folder given by the user: names above it do not count."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: natural_sort.natural(entry.name))
    except OSError:
        yield ImportFile(folder, _reason_to_skip(folder, relative_path / folder.name) if relative_path.parts else None)
        return
    for entry in entries:
        if entry.is_file():
            yield ImportFile(entry, _reason_to_skip(entry, relative_path / entry.name))
        elif entry.is_dir() and not entry.is_symlink():
            yield from _walk_folder(entry, relative_path / entry.name)


def _reason_to_skip(file: Path, relative_path: PurePath) -> RejectionReason | None:
    """Returns why a file is skipped: by its system folder, by its content if named like a companion, or because it is hidden."""
    if extensions.is_in_companion_folder(str(relative_path)):
        return rejections.COMPANION
    if extensions.is_companion(file.name):
        return None if skipped_files.holds_photo(file, file.name) else rejections.COMPANION
    return rejections.HIDDEN if any(part.startswith(".") for part in relative_path.parts) else None


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        if path.is_dir():
            next(path.iterdir(), None)  # raises the error that stopped the walk
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise UploadRejected(rejections.UNREADABLE.filled(reason=error.strerror or error)) from error
