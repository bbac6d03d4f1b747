"""Checks the machine's disk and memory."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from processing.doctor.check_result import CheckResult, bad, good, warning
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


def run_checks() -> Iterator[CheckResult]:
    if not store().is_available():
        yield bad(
            "storage-away",
            "Storage",
            "The storage directories are missing. Photos can't be stored or processed.",
            "Mount the file system of DATA_DIR.",
        )
        return
    yield _check_space()
    yield from _check_inodes()
    yield _check_file_system()
    yield from _check_writing()
    yield from _check_memory()


def _check_space() -> CheckResult:
    free, title = store().free_bytes(), "Free space"
    if free is None:
        return good("space", title, "The storage reports no limit.")
    message, min_free = f"{filesizeformat(free)} free.", settings.MIN_FREE_BYTES
    if free < min_free:
        return bad(
            "space-out",
            title,
            f"{message} Below {filesizeformat(min_free)}, uploads are rejected.",
            "Free up disk space.",
        )
    if free < min_free * LOW_SPACE_FACTOR:
        return warning(
            "space-low",
            title,
            f"{message} Below {filesizeformat(min_free)}, uploads are rejected.",
            "Free up disk space soon.",
        )
    return good("space", title, message)


def _check_inodes() -> Iterator[CheckResult]:
    """Checks the free inodes. Each photo has five files. Some file systems (btrfs) have no fixed number of inodes."""
    disk = os.statvfs(settings.DATA_DIR)
    if not disk.f_files:
        return
    message = f"{disk.f_favail:,} more files fit."
    if disk.f_favail < disk.f_files * MIN_FREE_INODES:
        yield warning(
            "files-low", "Free inodes", message, "The file system is running out of inodes. Delete small files on it."
        )
    else:
        yield good("files", "Free inodes", message)


def _check_file_system() -> CheckResult:
    title = "File system"
    if len({(Path(settings.DATA_DIR) / directory).stat().st_dev for directory in storage_keys.DIRECTORIES}) == 1:
        return good(
            "one-disk",
            title,
            "incoming/, originals/ and renditions/ share one. Photos are moved without copying.",
        )
    message = "incoming/, originals/ and renditions/ are on different file systems. Photos can't be moved into place."
    return bad("several-disks", title, message, "Keep all of DATA_DIR on one file system.")


def _check_writing() -> Iterator[CheckResult]:
    """Writes like an upload: in chunks, with fsync and hard links."""
    try:
        with store().scratch(f"doctor-{secrets.token_hex(4)}") as folder:
            yield _check_rate(folder / "rate")
            yield _check_fsync(folder / "sync")
            yield _check_hard_links(folder / "sync", folder / "link")
    except OSError as error:
        yield bad(
            "write-failed",
            "Disk writes",
            f"Can't write to the disk: {error.strerror or error}.",
            "Check the owner and permissions of DATA_DIR.",
        )


def _check_rate(path: Path) -> CheckResult:
    free, title = store().free_bytes(), "Disk writes"
    if free is not None and free < settings.MIN_FREE_BYTES + TEST_BYTES:
        return warning(
            "rate-unknown", title, "Not enough free space to measure the write speed.", "Free up disk space."
        )
    chunk, began = os.urandom(CHUNK_BYTES), time.monotonic()
    with path.open("wb") as file:
        for _ in range(TEST_BYTES // CHUNK_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    rate = TEST_BYTES / (time.monotonic() - began)
    message = f"{filesizeformat(rate)}/s, including fsync."
    if rate < SLOW_BYTES_PER_SECOND:
        return warning("rate-low", title, f"{message} Uploads can't be faster.", "Move DATA_DIR to a faster disk.")
    return good("rate", title, message)


def _check_fsync(path: Path) -> CheckResult:
    began = time.monotonic()
    for _ in range(SYNCS):
        with path.open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    seconds, title = (time.monotonic() - began) / SYNCS, "fsync"
    message = f"{1000 * seconds:.1f} ms per call."
    if seconds > SLOW_SYNC_SECONDS:
        return warning("sync-slow", title, f"{message} Every file needs several.", "Move DATA_DIR to a local disk.")
    return good("sync", title, message)


def _check_hard_links(path: Path, link: Path) -> CheckResult:
    title = "Hard links"
    try:
        link.hardlink_to(path)
    except OSError:
        message = "Not supported. Each photo is copied, and takes twice its space meanwhile."
        return warning(
            "no-links", title, message, "Use ext4, XFS, Btrfs or ZFS; exFAT and some network drives have no hard links."
        )
    return good("links", title, "Supported. Originals are stored without copying.")


def _check_memory() -> Iterator[CheckResult]:
    share, title = system_memory.share_in_use(), "Memory"
    if share is None:
        return
    message = f"{100 * share:.0f}% used."
    if 100 * share > settings.MEMORY_MARK:
        message = f"{message} Above {settings.MEMORY_MARK}% (MEMORY_MARK), uploads and processing stop."
        yield bad("memory-short", title, message, "Stop other programs, or add memory.")
    else:
        yield good("memory", title, message)
