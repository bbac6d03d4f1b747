"""One part of an upload, from the line to the disk."""

import time
from dataclasses import dataclass

from processing import pressure, quota
from processing.intake import beside, fingerprints, landing, protocol, proving, uploads
from processing.intake.beside import Hash
from processing.intake.fingerprints import Fingerprint
from processing.intake.pieces import Body
from processing.intake.protocol import Part, Refused
from processing.models import Upload
from processing.pressure import Shortage
from processing.storage import Fenced, Growing


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
        fingerprint = fingerprints.resume(self.upload.key, self.part.offset)
        proof: Hash | None = None
        if self.part.checksum:
            proof = fingerprint if proving.is_of_the_file(self.part) else self.part.checksum.start()
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
            if error.errno not in pressure.NO_ROOM:
                raise
            raise short_of(pressure.DISK, reached) from error
        return self._secured(fingerprint)

    def _write(self, proof: Hash | None, fingerprint: Fingerprint | None) -> None:
        touched = time.monotonic()
        with proving.way(self.growing, self.part, self.length) as way:
            with (
                way.coming(self.body, self.room, proof) as coming,
                beside.hashing(None if way.is_proved else proof) as proved,
                beside.hashing(None if fingerprint is proof else fingerprint) as hashing,
                beside.writing(way.write) as writing,
            ):
                for piece in coming:
                    if pressure.disk_is_full(len(piece)):
                        raise short_of(pressure.DISK)
                    if self.length is None and not quota.may_go_on(self.upload, self._untold(way.reached + len(piece))):
                        raise short_of(pressure.OWN_STAGING)
                    proved.add(piece)
                    hashing.add(piece)
                    writing.add(piece)
                    if time.monotonic() - touched > uploads.touch_seconds():
                        touched = time.monotonic()
                        uploads.touch(self.upload, way.reached)
            proving.ensure_true(self.part, proof)
            way.accept()

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
            landing.land(self.upload, self.growing, fingerprint)
        else:
            self.growing.sync()
            fingerprints.keep(self.upload.key, fingerprint)
            uploads.touch(self.upload, reached)
        return reached


def short_of(shortage: Shortage, offset: int | None = None) -> Refused:
    return Refused(protocol.Refusal(shortage.status, shortage.code, shortage.intake), offset)
