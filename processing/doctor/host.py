"""The machine: its disk and its memory, tried rather than believed."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from processing.doctor.check_result import Diagnosis, bad, good, warning
from processing.lib import system_memory
from processing.storage import store

ROOMY = 4
"""So many times the least free space is room for a while."""
FEW_NODES = 0.05
TRIED_BYTES = 32 << 20
PIECE = 1 << 20
SLOW_BYTES_A_SECOND = 10 << 20
SYNCS = 5
SLOW_SYNC_SECONDS = 0.2
ROOMS = ("incoming", "originals", "renditions")


def look() -> Iterator[Diagnosis]:
    if not store().is_there():
        yield bad(
            "storage-away",
            "Storage",
            "The place of the photos is not there: nothing can be taken or developed.",
            "Mount it.",
        )
        return
    yield _of_space()
    yield from _of_nodes()
    yield _of_rooms()
    yield from _of_writing()
    yield from _of_memory()


def _of_space() -> Diagnosis:
    free, title = store().free_bytes(), "Free space"
    if free is None:
        return good("space", title, "The storage knows no limit.")
    words, least = f"{filesizeformat(free)} are free.", settings.MIN_FREE_BYTES
    if free < least:
        return bad(
            "space-out", title, f"{words} Below {filesizeformat(least)} no photos are taken.", "Free some space."
        )
    if free < least * ROOMY:
        return warning(
            "space-low", title, f"{words} Below {filesizeformat(least)} no photos are taken.", "Free some space soon."
        )
    return good("space", title, words)


def _of_nodes() -> Iterator[Diagnosis]:
    """Each file takes one, and each photo makes five files. Some file systems (btrfs) have no number of them."""
    disk = os.statvfs(settings.DATA_DIR)
    if not disk.f_files:
        return
    words = f"There is room for {disk.f_favail:,} more files."
    if disk.f_favail < disk.f_files * FEW_NODES:
        yield warning(
            "files-low", "Number of files", words, "The file system runs out of inodes: delete small files on it."
        )
    else:
        yield good("files", "Number of files", words)


def _of_rooms() -> Diagnosis:
    title = "One file system"
    if len({(Path(settings.DATA_DIR) / room).stat().st_dev for room in ROOMS}) == 1:
        return good(
            "one-disk",
            title,
            "incoming/, originals/ and renditions/ share one: photos are linked and renamed, not copied.",
        )
    words = "incoming/, originals/ and renditions/ lie on different file systems: photos cannot be put in their place."
    return bad("several-disks", title, words, "Keep DATA_DIR on one file system; mount that as a whole.")


def _of_writing() -> Iterator[Diagnosis]:
    """As photos are written: in pieces, synced, linked."""
    try:
        with store().scratch(f"doctor-{secrets.token_hex(4)}") as room:
            yield _of_rate(room / "rate")
            yield _of_syncs(room / "sync")
            yield _of_links(room / "sync", room / "link")
    except OSError as error:
        yield bad(
            "write-failed",
            "Writing",
            f"The disk cannot be written: {error.strerror or error}.",
            "See who owns DATA_DIR.",
        )


def _of_rate(path: Path) -> Diagnosis:
    free, title = store().free_bytes(), "Writing"
    if free is not None and free < settings.MIN_FREE_BYTES + TRIED_BYTES:
        return warning("rate-unknown", title, "There is no room to try how fast the disk is.", "Free some space.")
    piece, began = os.urandom(PIECE), time.monotonic()
    with path.open("wb") as file:
        for _ in range(TRIED_BYTES // PIECE):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    rate = TRIED_BYTES / (time.monotonic() - began)
    words = f"The disk takes {filesizeformat(rate)} a second, made safe."
    if rate < SLOW_BYTES_A_SECOND:
        return warning("rate-low", title, f"{words} Uploads are no faster.", "Move DATA_DIR to a faster disk.")
    return good("rate", title, words)


def _of_syncs(path: Path) -> Diagnosis:
    began = time.monotonic()
    for _ in range(SYNCS):
        with path.open("wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
    seconds, title = (time.monotonic() - began) / SYNCS, "Making safe"
    words = f"One fsync takes {1000 * seconds:.1f} ms."
    if seconds > SLOW_SYNC_SECONDS:
        return warning(
            "sync-slow", title, f"{words} Every file needs some.", "Move DATA_DIR to a disk of this machine."
        )
    return good("sync", title, words)


def _of_links(path: Path, link: Path) -> Diagnosis:
    title = "Hard links"
    try:
        link.hardlink_to(path)
    except OSError:
        words = "The file system has no hard links: each photo is copied once more, and takes its room twice meanwhile."
        return warning(
            "no-links", title, words, "ext4, XFS, btrfs and ZFS have them; exFAT and some network drives do not."
        )
    return good("links", title, "They work: the received file itself becomes the original.")


def _of_memory() -> Iterator[Diagnosis]:
    share, title = system_memory.share_in_use(), "Memory"
    if share is None:
        return
    words = f"{100 * share:.0f} % are in use."
    if 100 * share > settings.MEMORY_MARK:
        words = f"{words} Above {settings.MEMORY_MARK} % (MEMORY_MARK) no photos are taken or developed."
        yield bad("memory-short", title, words, "Stop what takes it, or give the server more.")
    else:
        yield good("memory", title, words)
