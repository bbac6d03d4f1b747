"""Keeps the running SHA-256 of uploads between their parts, so that a complete file need not be read again.

hashlib cannot save its state, so the cache is in memory and per process, for the most recently active uploads. After a cache
miss (a restart, or a part received by another process) the complete file is read from disk.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from processing.uploads.offload import Hash

ALGORITHM = "sha256"
MAX_ENTRIES = 4096
"""The maximum number of cached hashes, of about 500 bytes each."""


@dataclass(slots=True)
class FileHash:
    """The running SHA-256 of the first `length` bytes of a file.

    It is outdated if `length` is not the file's size: another request has taken the upload over and appended more.
    """

    _hash: Hash = field(default_factory=lambda: hashlib.new(ALGORITHM))
    length: int = 0

    def update(self, chunk: memoryview, /) -> None:
        self._hash.update(chunk)
        self.length += len(chunk)

    def digest(self) -> bytes:
        return self._hash.digest()

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def copy(self) -> "FileHash":
        return FileHash(self._hash.copy(), self.length)


_kept: OrderedDict[str, FileHash] = OrderedDict()
_lock = Lock()


def resume(key: str, offset: int) -> FileHash | None:
    """Removes and returns the hash of the first `offset` bytes, for the request that appends to them. None on a cache miss."""
    with _lock:
        cached = _kept.pop(key, None)
    if offset == 0:
        return FileHash()
    return cached if cached and cached.length == offset else None


def keep(key: str, fingerprint: FileHash | None) -> None:
    with _lock:
        if fingerprint:
            _kept[key] = fingerprint
        while len(_kept) > MAX_ENTRIES:
            _kept.popitem(last=False)
