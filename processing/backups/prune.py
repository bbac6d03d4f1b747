"""Deletes old snapshots, and then the files that no remaining snapshot references."""

import heapq
from collections.abc import Iterator
from itertools import groupby

from processing.backups import snapshot_manifest
from processing.backups.repository import Repository
from processing.backups.snapshot_info import MANIFEST


def prune(vault: Repository, keep: int) -> tuple[int, int]:
    """Keeps the `keep` newest snapshots. Returns the numbers of deleted snapshots and files. Runs in constant memory."""
    with vault.locked():
        old = vault.names()[:-keep]
        for name in old:
            vault.delete_snapshot(name)
        return len(old), _delete_unreferenced(vault)


def _delete_unreferenced(vault: Repository) -> int:
    """Merges both lists, which are sorted by checksum, in one pass. Returns the number of deleted files."""
    referenced, dropped = _referenced_checksums(vault), 0
    checksum = next(referenced, None)
    for path in vault.stored():
        while checksum is not None and checksum < path.name:
            checksum = next(referenced, None)
        if path.name != checksum:
            path.unlink()
            dropped += 1
    return dropped


def _referenced_checksums(vault: Repository) -> Iterator[str]:
    manifests = [snapshot_manifest.read(vault.snapshot(name) / MANIFEST) for name in vault.names()]
    for sha256, _ in groupby(entry.sha256 for entry in heapq.merge(*manifests)):
        yield sha256
