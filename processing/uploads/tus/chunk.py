"""Receives one part of an upload (the body of one request) and writes it to disk.

Without a checksum every byte counts as soon as it is written. With one, all bytes count once the checksum has been verified.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from processing.capacity import admission, staging_quota
from processing.models import Upload
from processing.storage.base import AnonymousFile, PartialFile, WriterFenced
from processing.uploads import lifecycle, offload
from processing.uploads.body import body_reader
from processing.uploads.body.request_body import Body
from processing.uploads.offload import Hash
from processing.uploads.problems import HttpProblem, shortage_error
from processing.uploads.tus import finalize, hash_cache, protocol
from processing.uploads.tus.hash_cache import FileHash
from processing.uploads.tus.protocol import PartHeaders


@dataclass(frozen=True, slots=True)
class PartReceiver:
    """A part that is being received. `growing` is the partial file, already taken over, with `part.offset` bytes.

    The body has a declared length of `length` bytes (None if unknown), and may have at most `room`.
    """

    upload: Upload
    growing: PartialFile
    part: PartHeaders
    body: Body
    room: int
    length: int | None

    def receive(self) -> int:
        """Receives the part and returns the new offset. Raises HttpProblem or OSError, after syncing the valid bytes."""
        file_hash = hash_cache.resume(self.upload.key, self.part.offset)
        part_hash: Hash | None = None
        if self.part.checksum:
            part_hash = file_hash if is_file_checksum(self.part) else self.part.checksum.start()
        file_hash_before = file_hash.copy() if file_hash and part_hash else None
        try:
            self._write(part_hash, file_hash)
        except WriterFenced:  # another request owns the file now and syncs it
            raise HttpProblem(protocol.REVOKED) from None
        except HttpProblem as error:  # with a checksum, file_hash may include bytes that were not verified
            error.offset = self._secure(file_hash_before if part_hash else file_hash)
            raise
        except OSError as error:
            offset = self._secure(None)
            if error.errno not in admission.NO_ROOM:
                raise
            raise shortage_error(admission.DISK, offset) from error
        return self._secure(file_hash)

    def _write(self, part_hash: Hash | None, file_hash: FileHash | None) -> None:
        touched_at = time.monotonic()
        with choose_strategy(self.growing, self.part, self.length) as strategy:
            with (
                strategy.chunks(self.body, self.room, part_hash) as chunks,
                offload.hashing(None if strategy.is_verified else part_hash) as part_hashing,
                offload.hashing(None if file_hash is part_hash else file_hash) as file_hashing,
                offload.writing(strategy.write) as writing,
            ):
                for chunk in chunks:
                    if admission.disk_is_full(len(chunk)):
                        raise shortage_error(admission.DISK)
                    if self.length is None and not staging_quota.may_continue(
                        self.upload, self._uncounted_bytes(strategy.reached + len(chunk))
                    ):
                        raise shortage_error(admission.OWN_STAGING)
                    part_hashing.submit(chunk)
                    file_hashing.submit(chunk)
                    writing.submit(chunk)
                    if time.monotonic() - touched_at > lifecycle.touch_seconds():
                        touched_at = time.monotonic()
                        lifecycle.touch(self.upload, strategy.reached)
            verify_checksum(self.part, part_hash)
            strategy.accept()

    def _uncounted_bytes(self, offset: int) -> int:
        """Returns the number of bytes up to `offset` that the row, and so the quota, does not count yet."""
        return offset - self.upload.arrived

    def _secure(self, file_hash: FileHash | None) -> int:
        """Syncs the valid bytes and returns their number. Finishes the upload if it is complete.

        If another request has taken the upload over and appended more, `file_hash` covers only a part and is discarded.
        """
        offset = self.growing.offset()
        if file_hash and file_hash.length != offset:
            file_hash = None
        if offset == self.upload.size:
            finalize.finalize(self.upload, self.growing, file_hash)
        else:
            self.growing.sync()
            hash_cache.keep(self.upload.key, file_hash)
            lifecycle.touch(self.upload, offset)
        return offset


def is_file_checksum(part: PartHeaders) -> bool:
    """True if the part's checksum is also the hash of the file up to the end of the part."""
    return part.offset == 0 and part.checksum is not None and part.checksum.algorithm == hash_cache.ALGORITHM


def verify_checksum(part: PartHeaders, part_hash: Hash | None) -> None:
    """Raises HttpProblem if the part's bytes do not match its checksum."""
    if part.checksum and part_hash and not part.checksum.matches(part_hash.digest()):
        raise HttpProblem(protocol.CHECKSUM_MISMATCH)


class AppendDirectly:
    """Appends directly: every byte counts once it is written."""

    is_verified = False
    """True if chunks() verifies the checksum before it yields the first chunk."""

    def __init__(self, partial_file: PartialFile, part: PartHeaders) -> None:
        self._partial_file, self._part, self.reached = partial_file, part, part.offset

    def chunks(self, body: Body, room: int, part_hash: Hash | None) -> AbstractContextManager[Iterator[memoryview]]:
        return body_reader.chunks(body, room, self._part.offset)

    def write(self, chunk: memoryview) -> None:
        self._partial_file.append(chunk)
        self.reached += len(chunk)

    def accept(self) -> None:
        """Called when all bytes are written and the checksum, if any, is verified. Raises WriterFenced."""

    def give_up(self) -> None:
        """Called after an error. Discards the bytes that are not verified."""


class BufferInMemory(AppendDirectly):
    """Buffers the part in memory and writes it once its checksum is verified."""

    is_verified = True

    def __init__(self, partial_file: PartialFile, part: PartHeaders, buffer: memoryview) -> None:
        super().__init__(partial_file, part)
        self._buffer = buffer

    @contextmanager
    def chunks(self, body: Body, room: int, part_hash: Hash | None) -> Iterator[Iterator[memoryview]]:
        assert part_hash
        content = body_reader.read_all(body, self._buffer, part_hash)
        verify_checksum(self._part, part_hash)
        yield iter((content,))


class AnonymousTempFile(AppendDirectly):
    """Writes the first part of a file to an anonymous file, which is named once the checksum is verified."""

    def __init__(self, partial_file: PartialFile, part: PartHeaders, anonymous_file: AnonymousFile) -> None:
        super().__init__(partial_file, part)
        self._anonymous_file = anonymous_file

    def write(self, chunk: memoryview) -> None:
        self._anonymous_file.append(chunk)

    def accept(self) -> None:
        self._partial_file.begin_with(self._anonymous_file)
        self.reached = self._anonymous_file.size
        self._anonymous_file.close()

    def give_up(self) -> None:
        self._anonymous_file.close()


class AppendUnverified(AppendDirectly):
    """Appends in place, and marks the bytes as unverified, so that they are truncated unless accept() is called."""

    def __init__(self, partial_file: PartialFile, part: PartHeaders) -> None:
        super().__init__(partial_file, part)
        self._end = part.offset
        partial_file.begin_unverified()

    def write(self, chunk: memoryview) -> None:
        self._partial_file.append(chunk)
        self._end += len(chunk)

    def accept(self) -> None:
        self._partial_file.commit_unverified()
        self.reached = self._end

    def give_up(self) -> None:
        with suppress(WriterFenced):  # another request has taken the file over and truncated it
            self._partial_file.discard_unverified()


@contextmanager
def choose_strategy(partial_file: PartialFile, part: PartHeaders, length: int | None) -> Iterator[AppendDirectly]:
    """Yields the strategy for a part of `length` bytes (None if unknown), and gives it up on errors. Raises WriterFenced."""
    anonymous_file = (
        partial_file.open_anonymous()
        if is_file_checksum(part) and length and length >= offload.MIN_OFFLOADED_WRITING_BYTES
        else None
    )
    with body_reader.part_buffer(length if part.checksum and not anonymous_file else None, part.offset) as buffer:
        strategy = _strategy(partial_file, part, anonymous_file, buffer)
        try:
            yield strategy
        except BaseException:
            strategy.give_up()
            raise


def _strategy(
    partial_file: PartialFile, part: PartHeaders, anonymous_file: AnonymousFile | None, buffer: memoryview | None
) -> AppendDirectly:
    if part.checksum is None:
        return AppendDirectly(partial_file, part)
    if anonymous_file:
        return AnonymousTempFile(partial_file, part, anonymous_file)
    return BufferInMemory(partial_file, part, buffer) if buffer else AppendUnverified(partial_file, part)
