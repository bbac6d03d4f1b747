"""SHA-256 of files on their way in, carried from one part to the next: the end of a file need not wait until it was read again.

hashlib can keep nothing on disk, so this lives in the process, for the files that went on last. One that is not found here
(after a restart, or when another process took the next part) is read from the disk at its end.
"""

import hashlib
from collections import OrderedDict
from threading import Lock

from processing.uploads.offload import Hash

ALGORITHM = "sha256"
MOST = 4096
"""Files remembered, at some 500 bytes each."""

_kept: OrderedDict[str, tuple[int, Hash]] = OrderedDict()
_lock = Lock()


def resume(key: str, offset: int) -> Hash | None:
    """The hash of the first `offset` bytes, for the one who goes on from there. Bytes that are there never change."""
    with _lock:
        at, running = _kept.pop(key, (-1, None))
    if offset == 0:
        return hashlib.new(ALGORITHM)
    return running if at == offset else None


def keep(key: str, offset: int, running: Hash | None) -> None:
    with _lock:
        if running:
            _kept[key] = (offset, running)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
