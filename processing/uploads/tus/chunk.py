"""One part of an upload, from the line to the disk."""

import time
from dataclasses import dataclass

from processing.capacity import admission, staging_quota
from processing.capacity.admission import Shortage
from processing.models import Upload
from processing.storage.base import Fenced, Growing
from processing.uploads import lifecycle, offload, problems
from processing.uploads.body_reader import Body
from processing.uploads.offload import Hash
from processing.uploads.problems import Refused
from processing.uploads.tus import finalize, hash_cache, protocol, proving
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
        proof = self.part.checksum.start() if self.part.checksum else None
        is_of_the_file = proving.is_of_the_file(self.part)
        fingerprint = proof if is_of_the_file else hash_cache.resume(self.upload.key, self.part.offset)
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

    def _write(self, proof: Hash | None, fingerprint: Hash | None) -> None:
        touched = time.monotonic()
        with proving.way(self.growing, self.part, self.length) as way:
            with (
                way.coming(self.body, self.room, proof) as coming,
                offload.hashing(None if way.is_proved else proof) as proved,
                offload.hashing(None if fingerprint is proof else fingerprint) as hashing,
                offload.writing(way.write) as writing,
            ):
                for piece in coming:
                    if admission.disk_is_full(len(piece)):
                        raise short_of(admission.DISK)
                    if self.length is None and not staging_quota.may_go_on(
                        self.upload, self._untold(way.reached + len(piece))
                    ):
                        raise short_of(admission.OWN_STAGING)
                    proved.add(piece)
                    hashing.add(piece)
                    writing.add(piece)
                    if time.monotonic() - touched > lifecycle.touch_seconds():
                        touched = time.monotonic()
                        lifecycle.touch(self.upload, way.reached)
            proving.ensure_true(self.part, proof)
            way.accept()

    def _untold(self, reached: int) -> int:
        """How many of these bytes the row does not tell of yet, by which the quota counts."""
        return reached - self.upload.arrived

    def _secured(self, fingerprint: Hash | None) -> int:
        """The bytes that count, now safe. A whole file is handed over."""
        reached = self.growing.there()
        if reached == self.upload.size:
            finalize.land(self.upload, self.growing, fingerprint)
        else:
            self.growing.sync()
            hash_cache.keep(self.upload.key, reached, fingerprint)
            lifecycle.touch(self.upload, reached)
        return reached


def short_of(shortage: Shortage, offset: int | None = None) -> Refused:
    return Refused(problems.Refusal(shortage.status, shortage.code, shortage.intake), offset)
