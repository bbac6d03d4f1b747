"""An archive of photos as a snapshot: its size, ETag and bytes follow from rows that are read once, at its beginning."""

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from django.core.files.storage import default_storage

from albums.download import contents, recent
from albums.download.contents import GENERATED, GeneratedFiles
from albums.download.layout import Layout, Slice
from albums.download.names import safe
from albums.download.scope import Scope, Size

log = logging.getLogger(__name__)

BLOCK_BYTES = 256 << 10
CHECK_SECONDS = 0.25
"""How long files are looked for in storage before the first byte: thousands of files on a disk, or some in a bucket."""


class FileMissing(Exception):
    """A file of the archive is not in storage, or has another size than its row says."""


class ReadFailed(Exception):
    """A file cannot be read although the response has begun. The connection has to be closed before the last byte."""


class Ranged(Protocol):
    """What the default storage does beyond Django's own methods."""

    def read_range(self, key: str, start: int, stop: int) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Archive:
    name: str
    """The file name, with its extension."""
    layout: Layout
    generated_files: GeneratedFiles | None = None

    @property
    def size(self) -> int:
        return self.layout.size

    @property
    def etag(self) -> str:
        return self.layout.etag

    def ensure_stored(self, byte_range: range) -> None:
        """Raises FileMissing if a file of the range is missing. Looks at as many as CHECK_SECONDS allow, and at least at one."""
        deadline = time.monotonic() + CHECK_SECONDS
        for part in self.layout.slices(byte_range):
            if isinstance(part, Slice) and not part.source.startswith(GENERATED):
                _ensure_stored(part)
                if time.monotonic() > deadline:
                    return

    def read(self, byte_range: range) -> Generator[bytes, None, None]:
        """Yields the bytes of the range in blocks. Raises ReadFailed: what was yielded until then is shorter than the range."""
        blocks, size = [], 0
        for chunk in self._chunks(byte_range):
            blocks.append(chunk)
            size += len(chunk)
            if size >= BLOCK_BYTES:
                yield b"".join(blocks)
                blocks, size = [], 0
        if blocks:
            yield b"".join(blocks)

    def _chunks(self, byte_range: range) -> Iterator[bytes]:
        for part in self.layout.slices(byte_range):
            if isinstance(part, bytes):
                yield part
            elif part.source.startswith(GENERATED):
                yield self._generate(part)
            else:
                try:
                    yield from cast(Ranged, default_storage).read_range(part.source, part.start, part.stop)
                except OSError as error:
                    log.error("Can't read %s for a download: %s", part.source, error)
                    raise ReadFailed(part.source) from error

    def _generate(self, part: Slice) -> bytes:
        photo_id = contents.photo_of(part.source)
        generated = self.generated_files([photo_id]).get(photo_id) if self.generated_files else None
        if generated is None or contents.source_of(photo_id, generated) != part.source:  # the row was changed
            raise ReadFailed(part.source)
        return generated.content[part.start : part.stop]


def archive(scope: Scope, title: str, generated_files: GeneratedFiles | None = None) -> Archive:
    """Returns the archive of the scope as it is now. Raises ChecksumMissing; see readiness.prepare()."""
    if generated_files is None:
        layout = recent.layout(scope)
    else:  # not kept, because generated files depend on more than the rows of stored files
        layout = Layout()
        for entry in contents.entries(contents.rows(scope), generated_files):
            layout.append(entry)
    suffix = " (2560 px)" if scope.size == Size.LARGE else ""
    return Archive(f"{safe(title + suffix)}.zip", layout, generated_files)


def _ensure_stored(part: Slice) -> None:
    try:
        size = default_storage.size(part.source)
    except FileNotFoundError as error:
        raise FileMissing(part.source) from error
    if size < part.stop:
        raise FileMissing(part.source)
