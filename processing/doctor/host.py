"""Checks the machine's disk and memory."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from processing.doctor.check_result import Diagnosis, bad, good, warning
from processing.lib import system_memory
from processing.storage import keys as storage_keys
from processing.storage import store

LOW_SPACE_FACTOR = 4
"""Below this multiple of MIN_FREE_BYTES, free space is low."""
MIN_FREE_INODES = 0.05
TEST_BYTES = 32 << 20
CHUNK_BYTES = 1 << 20
SLOW_BYTES_PER_SECOND = 10 << 20
SYNCS = 5
SLOW_SYNC_SECONDS = 0.2


def look() -> Iterator[Diagnosis]:
    if not store().is_there():
        yield bad(
            "storage-away",
            "Storage",
            "The place of the photos is not there: nothing can be taken or developed.",
            "Mount it.",
        )
        return
    yield _check_space()
    yield from _check_inodes()
    yield _check_file_system()
    yield from _check_writing()
    yield from _check_memory()


def _check_space() -> Diagnosis:
    free, title = store().free_bytes(), "Free space"
    if free is None:
        return good("space", title, "The storage knows no limit.")
    message, min_free = f"{filesizeformat(free)} are free.", settings.MIN_FREE_BYTES
    if free < min_free:
        return bad(
            "space-out", title, f"{message} Below {filesizeformat(min_free)} no photos are taken.", "Free some space."
        )
    if free < min_free * LOW_SPACE_FACTOR:
        return warning(
            "space-low",
            title,
            f"{message} Below {filesizeformat(min_free)} no photos are taken.",
            "Free some space soon.",
        )
    return good("space", title, message)


def _check_inodes() -> Iterator[Diagnosis]:
    """Checks the free inodes. Each photo has five files. Some file systems (btrfs) have no fixed number of inodes."""
    disk = os.statvfs(settings.DATA_DIR)
    if not disk.f_files:
        return
    message = f"There is room for {disk.f_favail:,} more files."
    if disk.f_favail < disk.f_files * MIN_FREE_INODES:
        yield warning(
            "files-low", "Number of files", message, "The file system runs out of inodes: delete small files on it."
        )
    else:
        yield good("files", "Number of files", message)


def _check_file_system() -> Diagnosis:
    title = "One file system"
    if len({(Path(settings.DATA_DIR) / directory).stat().st_dev for directory in storage_keys.DIRECTORIES}) == 1:
        return good(
            "one-disk",
            title,
            "incoming/, originals/ and renditions/ share one: photos are linked and renamed, not copied.",
        )
    message = (
        "incoming/, originals/ and renditions/ lie on different file systems: photos cannot be put in their place."
    )
    return bad("several-disks", title, message, "Keep DATA_DIR on one file system; mount that as a whole.")


def _check_writing() -> Iterator[Diagnosis]:
    """Writes like an upload: in chunks, with fsync and hard links."""
    try:
        with store().scratch(f"doctor-{secrets.token_hex(4)}") as folder:
            yield _check_rate(folder / "rate")
            yield _check_fsync(folder / "sync")
            yield _check_hard_links(folder / "sync", folder / "link")
    except OSError as error:
        yield bad(
            "write-failed",
            "Writing",
            f"The disk cannot be written: {error.strerror or error}.",
            "See who owns DATA_DIR.",
        )


def _check_rate(path: Path) -> Diagnosis:
    free, title = store().free_bytes(), "Writing"
    if free is not None and free < settings.MIN_FREE_BYTES + TEST_BYTES:
        return warning("rate-unknown", title, "There is no room to try how fast the disk is.", "Free some space.")
    chunk, began = os.urandom(CHUNK_BYTES), time.monotonic()
    with path.open("wb") as file:
        for _ in range(TEST_BYTES // CHUNK_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    rate = TEST_BYTES / (time.monotonic() - began)
    message = f"The disk takes {filesizeformat(rate)} a second, made safe."
    if rate < SLOW_BYTES_PER_SECOND:
        return warning("rate-low", title, f"{message} Uploads are no faster.", "Move DATA_DIR to a faster disk.")
    return good("rate", title, message)


def _check_fsync(path: Path) -> Diagnosis:
    began = time.monotonic()
    for _ in range(SYNCS):
        with path.open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    seconds, title = (time.monotonic() - began) / SYNCS, "Making safe"
    message = f"One fsync takes {1000 * seconds:.1f} ms."
    if seconds > SLOW_SYNC_SECONDS:
        return warning(
            "sync-slow", title, f"{message} Every file needs some.", "Move DATA_DIR to a disk of this machine."
        )
    return good("sync", title, message)


def _check_hard_links(path: Path, link: Path) -> Diagnosis:
    title = "Hard links"
    try:
        link.hardlink_to(path)
    except OSError:
        message = (
            "The file system has no hard links: each photo is copied once more, and takes its room twice meanwhile."
        )
        return warning(
            "no-links", title, message, "ext4, XFS, btrfs and ZFS have them; exFAT and some network drives do not."
        )
    return good("links", title, "They work: the received file itself becomes the original.")


def _check_memory() -> Iterator[Diagnosis]:
    share, title = system_memory.share_in_use(), "Memory"
    if share is None:
        return
    message = f"{100 * share:.0f} % are in use."
    if 100 * share > settings.MEMORY_MARK:
        message = f"{message} Above {settings.MEMORY_MARK} % (MEMORY_MARK) no photos are taken or developed."
        yield bad("memory-short", title, message, "Stop what takes it, or give the server more.")
    else:
        yield good("memory", title, message)
