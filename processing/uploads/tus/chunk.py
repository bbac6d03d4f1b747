"""One part of an upload, from the line to the disk; and when its bytes count: as they come, or all at once, when its checksum
has proved true.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from processing.capacity import admission, staging_quota
from processing.capacity.admission import Shortage
from processing.models import Upload
from processing.storage.base import AnonymousFile, Fenced, Growing
from processing.uploads import body_reader, lifecycle, offload, problems
from processing.uploads.body_reader import Body
from processing.uploads.offload import Hash
from processing.uploads.problems import Refused
from processing.uploads.tus import finalize, hash_cache, protocol
from processing.uploads.tus.hash_cache import Fingerprint
from processing.uploads.tus.protocol import Part


@dataclass(frozen=True, slots=True)
class Arriving:
    """`growing` was taken over, and stands where the part begins.

    Its body announces `length` bytes, None if that is unknown, and may hold `room`.
    """

    upload: Upload
    growing: Growing
    part: Part
    body: Body
    room: int
    length: int | None

    def take_in(self) -> int:
        """Answers the new offset. Whatever goes wrong, the bytes that count are safe. Raises Refused, and what the disk does."""
        fingerprint = hash_cache.resume(self.upload.key, self.part.offset)
        proof: Hash | None = None
        if self.part.checksum:
            proof = fingerprint if is_of_the_file(self.part) else self.part.checksum.start()
        before = fingerprint.copy() if fingerprint and proof else None
        try:
            self._write(proof, fingerprint)
        except Fenced:  # what is there is another's to secure
            raise Refused(protocol.REVOKED) from None
        except Refused as refused:  # of a part that is proved the fingerprint may have seen more than counts
            refused.offset = self._secured(before if proof else fingerprint)
            raise
        except OSError as error:
            reached = self._secured(None)
            if error.errno not in admission.NO_ROOM:
                raise
            raise short_of(admission.DISK, reached) from error
        return self._secured(fingerprint)

    def _write(self, proof: Hash | None, fingerprint: Fingerprint | None) -> None:
        touched = time.monotonic()
        with way(self.growing, self.part, self.length) as strategy:
            with (
                strategy.coming(self.body, self.room, proof) as coming,
                offload.hashing(None if strategy.is_proved else proof) as proved,
                offload.hashing(None if fingerprint is proof else fingerprint) as hashing,
                offload.writing(strategy.write) as writing,
            ):
                for piece in coming:
                    if admission.disk_is_full(len(piece)):
                        raise short_of(admission.DISK)
                    if self.length is None and not staging_quota.may_go_on(
                        self.upload, self._untold(strategy.reached + len(piece))
                    ):
                        raise short_of(admission.OWN_STAGING)
                    proved.add(piece)
                    hashing.add(piece)
                    writing.add(piece)
                    if time.monotonic() - touched > lifecycle.touch_seconds():
                        touched = time.monotonic()
                        lifecycle.touch(self.upload, strategy.reached)
            ensure_true(self.part, proof)
            strategy.accept()

    def _untold(self, reached: int) -> int:
        """How many of these bytes the row does not tell of yet, by which the quota counts."""
        return reached - self.upload.arrived

    def _secured(self, fingerprint: Fingerprint | None) -> int:
        """The bytes that count, now safe. A whole file is handed over.

        They are more than this part's when another request has taken the upload over and gone on. Then the fingerprint is not
        that of the file, and is left out.
        """
        reached = self.growing.there()
        if fingerprint and fingerprint.length != reached:
            fingerprint = None
        if reached == self.upload.size:
            finalize.land(self.upload, self.growing, fingerprint)
        else:
            self.growing.sync()
            hash_cache.keep(self.upload.key, fingerprint)
            lifecycle.touch(self.upload, reached)
        return reached


def short_of(shortage: Shortage, offset: int | None = None) -> Refused:
    return Refused(problems.Refusal(shortage.status, shortage.code, shortage.intake), offset)


def is_of_the_file(part: Part) -> bool:
    """Is what proves this part the hash of the file so far?"""
    return part.offset == 0 and part.checksum is not None and part.checksum.algorithm == hash_cache.ALGORITHM


def ensure_true(part: Part, proof: Hash | None) -> None:
    """Raises Refused when these are not the bytes that were announced."""
    if part.checksum and proof and not part.checksum.fits(proof.digest()):
        raise Refused(protocol.CHECKSUM_MISMATCH)


class AsTheyCome:
    """Every byte counts that is written, and stays."""

    is_proved = False
    """Are its pieces true before the first of them comes?"""

    def __init__(self, growing: Growing, part: Part) -> None:
        self._growing, self._part, self.reached = growing, part, part.offset

    def coming(self, body: Body, room: int, proof: Hash | None) -> AbstractContextManager[Iterator[memoryview]]:
        return body_reader.coming(body, room, self._part.offset)

    def write(self, piece: memoryview) -> None:
        self._growing.append(piece)
        self.reached += len(piece)

    def accept(self) -> None:
        """All of it is written, and true. Raises Fenced."""

    def give_up(self) -> None:
        """Something went wrong."""


class InMemory(AsTheyCome):
    """Nothing is written before it has proved true."""

    is_proved = True

    def __init__(self, growing: Growing, part: Part, place: memoryview) -> None:
        super().__init__(growing, part)
        self._place = place

    @contextmanager
    def coming(self, body: Body, room: int, proof: Hash | None) -> Iterator[Iterator[memoryview]]:
        assert proof
        whole = body_reader.whole(body, self._place, proof)
        ensure_true(self._part, proof)
        yield iter((whole,))


class Aside(AsTheyCome):
    """The first bytes of a file, in one without a name, which gets its name then."""

    def __init__(self, growing: Growing, part: Part, file: AnonymousFile) -> None:
        super().__init__(growing, part)
        self._file = file

    def write(self, piece: memoryview) -> None:
        self._file.append(piece)

    def accept(self) -> None:
        self._growing.begin_with(self._file)
        self.reached = self._file.size
        self._file.close()

    def give_up(self) -> None:
        self._file.close()


class InDoubt(AsTheyCome):
    """Written where they belong, with a sign that they do not count yet."""

    def __init__(self, growing: Growing, part: Part) -> None:
        super().__init__(growing, part)
        self._end = part.offset
        growing.doubt()

    def write(self, piece: memoryview) -> None:
        self._growing.append(piece)
        self._end += len(piece)

    def accept(self) -> None:
        self._growing.trust()
        self.reached = self._end

    def give_up(self) -> None:
        with suppress(Fenced):  # whoever took it over has seen to it
            self._growing.drop_doubtful()


@contextmanager
def way(growing: Growing, part: Part, length: int | None) -> Iterator[AsTheyCome]:
    """How a part of that length (None: it is not announced) comes in. Raises Fenced."""
    file = growing.aside() if is_of_the_file(part) and length and length >= offload.WORTH_WRITING else None
    with body_reader.in_memory(length if part.checksum and not file else None, part.offset) as place:
        chosen = _chosen(growing, part, file, place)
        try:
            yield chosen
        except BaseException:
            chosen.give_up()
            raise


def _chosen(growing: Growing, part: Part, file: AnonymousFile | None, place: memoryview | None) -> AsTheyCome:
    if part.checksum is None:
        return AsTheyCome(growing, part)
    if file:
        return Aside(growing, part, file)
    return InMemory(growing, part, place) if place else InDoubt(growing, part)
