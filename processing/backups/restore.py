"""A backup becomes an installation again: every file first, each held to the manifest, then the database in one step.

Killed in between, it is an installation without rows, and the next run goes on from there. It writes over nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from processing.backups import Refused, database_dump, manifest, snapshot_info
from processing.backups.manifest import Entry
from processing.backups.repository import Damaged, Vault, copy
from processing.backups.snapshot_info import MANIFEST, SECRET, About
from processing.integrity import file_check
from processing.integrity.file_check import Wanted
from processing.lib import failpoints
from processing.lib.failpoints import Point
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.local import fsync

AT_A_TIME = 50
"""Files that are made durable together."""
WORK = "restoring"
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Restored:
    about: About
    files: int
    """Those that were not there from an earlier run."""
    damaged: tuple[str, ...]
    """Keys that could not be restored: their bytes in the backup are lost, or others than the manifest says."""
    has_secret: bool


def restore(
    vault: Vault, name: str = "", *, without_damaged: bool = False, onto_disk: bool = False, say: Say = lambda _: None
) -> Restored:
    """From the snapshot of that name, or the newest. Raises Refused before anything is written where it cannot succeed.

    `onto_disk`: what lay in a bucket comes to lie on the disk.
    """
    directory = vault.snapshot(name)
    told = snapshot_info.read(directory)
    _check(told, onto_disk)
    _check_room(directory, told, onto_disk)
    copied = 0
    damaged: list[str] = []
    lacking = set(told.lacking)
    for entries in _portions(manifest.read(directory / MANIFEST)):
        there = [entry for entry in entries if entry.key not in lacking or vault.has(entry)]
        good, bad = _put_back(vault, _bare(there) if onto_disk else there)
        copied, damaged = copied + good, damaged + bad
    for key in damaged:
        say(f"{key} is damaged in the backup.")
    if damaged and not without_damaged:
        raise Refused(
            f"{len(damaged)} files are damaged in the backup, named above. The rest is in its place, and no database yet: "
            "take an older snapshot with --at, or restore without them with --without-damaged."
        )
    has_secret = _put_back_secret(directory)
    database_dump.put_back(directory / told.database, onto_disk)
    return Restored(told, copied, tuple(damaged), has_secret)


def _bare(entries: Iterable[Entry]) -> Iterator[Entry]:
    return (replace(entry, key=storage_keys.bare(entry.key)) for entry in entries)


def _check(told: About, onto_disk: bool) -> None:
    if not store().is_there():
        raise Refused("The storage is away: incoming/, originals/ or renditions/ is not there.")
    if told.database != database_dump.file_name():
        raise Refused(
            f"The snapshot holds {told.database}, which is for another kind of database than DATABASE_URL names."
        )
    if told.has_bucket and not onto_disk and storage_keys.BUCKET not in locations.in_use():
        raise Refused(
            "The snapshot names files in a bucket, and none is set up here: set S3_*, or restore with --onto-disk."
        )
    if newer := database_dump.unknown(told.migrations):
        raise Refused(
            f"The snapshot is of a newer Darkroom ({told.version}), which knows {newer[0]}: install that one."
        )
    if not database_dump.is_empty():
        raise Refused(
            "There is a database with people or albums in it already; a backup is restored where there is none."
        )


def _check_room(directory: Path, told: About, onto_disk: bool) -> None:
    """On the disk, for what goes there and is not there yet."""
    free = store().free_bytes()
    if free is None or free > told.bytes:
        return
    named = manifest.read(directory / MANIFEST)
    mine = _bare(named) if onto_disk else (each for each in named if storage_keys.of(each.key) == storage_keys.DISK)
    lacking = sum(entry.bytes for entry in mine if not store().exists(entry.key))
    if free < lacking:
        raise Refused(
            f"The snapshot's files take {filesizeformat(lacking)}, and the disk has {filesizeformat(free)} left."
        )


def _portions(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while portion := list(islice(entries, AT_A_TIME)):
        yield portion


def _put_back(vault: Vault, entries: Iterable[Entry]) -> tuple[int, list[str]]:
    """How many were put in their places, and the keys of those that could not be."""
    files, damaged = {}, []
    with store().scratch(WORK) as work:
        for entry in entries:
            if _is_there(entry):
                continue
            path = work / entry.key.replace("/", "-")
            try:
                copy(entry, vault.path(entry), path)
            except (FileNotFoundError, Damaged):
                damaged.append(entry.key)
            else:
                files[entry.key] = path
        store().adopt(files)
        failpoints.reach(Point.RESTORING)
    return len(files), damaged


def _is_there(entry: Entry) -> bool:
    """From an earlier run that was cut off. Raises Refused when other bytes are in its place."""
    if not store().exists(entry.key):
        return False
    if not file_check.is_good_at(entry.key, Wanted(entry.key, entry.bytes, entry.sha256), lambda _: None):
        raise Refused(f"{entry.key} is there already, with other bytes; a backup is restored into an empty place.")
    return True


def _put_back_secret(directory: Path) -> bool:
    """In place of the one that this installation has just made for itself. One that the environment sets is not touched."""
    source, target = directory / SECRET, Path(settings.DATA_DIR) / SECRET
    if not source.exists() or not target.exists() or target.read_text(encoding="ascii") != settings.SECRET_KEY:
        return False
    draft = target.with_name(f".{SECRET}.restoring")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(target)
    fsync.directory(target.parent)
    return True
