"""SHA-256 of files on their way in, carried from one part to the next: the end of a file need not wait until it was read again.

hashlib can keep nothing on disk, so this lives in the process, for the files that went on last. One that is not found here
(after a restart, or when another process took the next part) is read from the disk at its end.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from processing.uploads.offload import Hash

ALGORITHM = "sha256"
MOST = 4096
"""Files remembered, at some 500 bytes each."""


@dataclass(slots=True)
class Fingerprint:
    """The SHA-256 of the first `length` bytes of a file.

    The length tells whether it is that of the file as it is now: another request may have taken the upload over and gone on.
    """

    _running: Hash = field(default_factory=lambda: hashlib.new(ALGORITHM))
    length: int = 0

    def update(self, piece: memoryview, /) -> None:
        self._running.update(piece)
        self.length += len(piece)

    def digest(self) -> bytes:
        return self._running.digest()

    def hexdigest(self) -> str:
        return self._running.hexdigest()

    def copy(self) -> "Fingerprint":
        return Fingerprint(self._running.copy(), self.length)


_kept: OrderedDict[str, Fingerprint] = OrderedDict()
_lock = Lock()


def resume(key: str, offset: int) -> Fingerprint | None:
    """The fingerprint of the first `offset` bytes, for the request that appends to them. None where it is not known."""
    with _lock:
        kept = _kept.pop(key, None)
    if offset == 0:
        return Fingerprint()
    return kept if kept and kept.length == offset else None


def keep(key: str, fingerprint: Fingerprint | None) -> None:
    with _lock:
        if fingerprint:
            _kept[key] = fingerprint
        while len(_kept) > MOST:
            _kept.popitem(last=False)
