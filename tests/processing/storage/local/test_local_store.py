"""What the store on the disk does for a power cut, beyond the contract that every store keeps."""

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
def synced(store, monkeypatch) -> list[str]:
    """The paths that are synced from here on, below the store."""
    found: list[str] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        found.append(os.path.relpath(Path(f"/proc/self/fd/{handle}").readlink(), store.location))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    return found


def test_a_second_key_is_durable_with_every_directory_that_is_new(store, synced):
    store.copy_or_link(RAW, ORIGINAL)

    assert sorted(synced) == [".", "originals", "originals/ab"]


def test_keeping_again_makes_durable_what_somebody_made_who_was_killed_before_it_was(store, synced):
    """Neither the link nor the directories need have been on the disk yet when it was killed."""
    target = Path(store.path(ORIGINAL))
    target.parent.mkdir(parents=True)
    target.hardlink_to(store.path(RAW))

    store.copy_or_link(RAW, ORIGINAL)

    assert sorted(synced) == [".", "originals", "originals/ab"]
