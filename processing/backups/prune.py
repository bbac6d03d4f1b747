"""Letting old snapshots go, and then the files that none of the others names."""

import heapq
from collections.abc import Iterator
from itertools import groupby

from processing.backups import manifest
from processing.backups.repository import Vault
from processing.backups.snapshot_info import MANIFEST


def prune(vault: Vault, keep: int) -> tuple[int, int]:
    """Keep the newest snapshots. How many went, and how many files; memory does not grow with either."""
    with vault.locked():
        old = vault.names()[:-keep]
        for name in old:
            vault.forget(name)
        return len(old), _drop_unnamed(vault)


def _drop_unnamed(vault: Vault) -> int:
    """Both lists are in the order of checksums, so one walk beside the other is enough."""
    named, dropped = _named(vault), 0
    current = next(named, None)
    for path in vault.stored():
        while current is not None and current < path.name:
            current = next(named, None)
        if path.name != current:
            path.unlink()
            dropped += 1
    return dropped


def _named(vault: Vault) -> Iterator[str]:
    lists = [manifest.read(vault.snapshot(name) / MANIFEST) for name in vault.names()]
    for sha256, _ in groupby(entry.sha256 for entry in heapq.merge(*lists)):
        yield sha256
