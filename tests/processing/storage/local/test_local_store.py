"""The syncing of the store on disk, which protects against power cuts, beyond the contract of every store."""

import os
from pathlib import Path

import pytest

from processing.storage.local.local_store import LocalStore

RAW, ORIGINAL = "incoming/raw", "originals/ab/abc.jpg"


@pytest.fixture
def store(tmp_path) -> LocalStore:
    store = LocalStore(location=tmp_path / "store")
    receiving = store.receive(RAW)
    receiving.write(b"raw")
    receiving.commit()
    return store


@pytest.fixture
def synced_paths(store, monkeypatch) -> list[str]:
    """The paths that are synced from now on, relative to the store."""
    paths: list[str] = []
    sync = os.fsync

    def record_sync(handle: int) -> None:
        paths.append(os.path.relpath(Path(f"/proc/self/fd/{handle}").readlink(), store.location))
        sync(handle)

    monkeypatch.setattr(os, "fsync", record_sync)
    return paths


def test_a_second_key_is_synced_with_every_new_directory(store, synced_paths):
    store.copy_or_link(RAW, ORIGINAL)

    assert sorted(synced_paths) == [".", "originals", "originals/ab"]


def test_a_repeated_copy_or_link_syncs_what_a_killed_process_left_unsynced(store, synced_paths):
    """When the previous process was killed, neither the link nor the directories may have been synced."""
    target = Path(store.path(ORIGINAL))
    target.parent.mkdir(parents=True)
    target.hardlink_to(store.path(RAW))

    store.copy_or_link(RAW, ORIGINAL)

    assert sorted(synced_paths) == [".", "originals", "originals/ab"]
