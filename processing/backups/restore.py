"""Restores a backup into an empty installation: first all files, verified against the manifest, then the database in one step.

If it is killed in between, the database is still empty, and the next run continues. Existing files are never overwritten.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat, pluralize

from processing.backups import BackupError, database_dump, snapshot_info, snapshot_manifest
from processing.backups.repository import FileDamaged, Repository, copy
from processing.backups.snapshot_info import MANIFEST, SECRET, SnapshotInfo
from processing.backups.snapshot_manifest import ManifestEntry
from processing.integrity import file_check
from processing.integrity.file_check import ExpectedFile
from processing.lib import failpoints, iteration
from processing.lib.failpoints import Point
from processing.storage import keys as storage_keys
from processing.storage import locations, store
from processing.storage.local import fsync

BATCH_SIZE = 50
"""Files that are fsynced together."""
WORK = "restoring"
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Restored:
    about: SnapshotInfo
    files: int
    """The number of files copied, without those from an earlier run."""
    damaged: tuple[str, ...]
    """Keys that could not be restored: their file in the backup is missing or differs from the manifest."""
    has_secret: bool


def restore(
    vault: Repository,
    name: str = "",
    *,
    without_damaged: bool = False,
    onto_disk: bool = False,
    say: Say = lambda _: None,
) -> Restored:
    """Restores the snapshot of that name, or the newest. Raises BackupError before it writes anything if it cannot succeed.

    `onto_disk`: stores the files of the bucket on the disk.
    """
    directory = vault.snapshot(name)
    about = snapshot_info.read(directory)
    _check(about, onto_disk)
    _check_free_space(directory, about, onto_disk)
    copied = 0
    damaged: list[str] = []
    lacking = set(about.lacking)
    for entries in iteration.chunks(snapshot_manifest.read(directory / MANIFEST), BATCH_SIZE):
        restorable = [entry for entry in entries if entry.key not in lacking or vault.has(entry)]
        good, bad = _restore_files(vault, _bare(restorable) if onto_disk else restorable)
        copied, damaged = copied + good, damaged + bad
    for key in damaged:
        say(f"{key} is damaged in the backup.")
    if damaged and not without_damaged:
        raise BackupError(
            f"{len(damaged)} file{pluralize(len(damaged))} damaged in the backup; see above. The others are restored, the "
            "database is not. Use --at to choose an older snapshot, or --without-damaged to skip these files."
        )
    has_secret = _restore_secret(directory)
    database_dump.restore(directory / about.database, onto_disk)
    return Restored(about, copied, tuple(damaged), has_secret)


def _bare(entries: Iterable[ManifestEntry]) -> Iterator[ManifestEntry]:
    return (replace(entry, key=storage_keys.bare(entry.key)) for entry in entries)


def _check(about: SnapshotInfo, onto_disk: bool) -> None:
    if not store().is_available():
        raise BackupError("The storage is unavailable: incoming/, originals/ or renditions/ is missing.")
    if about.database != database_dump.file_name():
        raise BackupError(f"The snapshot contains {about.database}, which doesn't fit the database of DATABASE_URL.")
    if about.has_bucket and not onto_disk and storage_keys.BUCKET not in locations.in_use():
        raise BackupError("The snapshot has files in a bucket, but none is configured. Set S3_*, or use --onto-disk.")
    if newer := database_dump.unknown_migrations(about.migrations):
        raise BackupError(f"The snapshot needs a newer Darkroom ({about.version}, with {newer[0]}). Upgrade first.")
    if not database_dump.is_empty():
        raise BackupError("The database already has users or albums. Restore into an empty installation.")


def _check_free_space(directory: Path, about: SnapshotInfo, onto_disk: bool) -> None:
    """Raises BackupError if the disk lacks the space for the files that are not there yet."""
    free = store().free_bytes()
    if free is None or free > about.bytes:
        return
    entries = snapshot_manifest.read(directory / MANIFEST)
    disk_entries = (
        _bare(entries)
        if onto_disk
        else (entry for entry in entries if storage_keys.location(entry.key) == storage_keys.DISK)
    )
    missing_bytes = sum(entry.bytes for entry in disk_entries if not store().exists(entry.key))
    if free < missing_bytes:
        raise BackupError(
            f"The snapshot needs {filesizeformat(missing_bytes)}, but the disk has {filesizeformat(free)} free."
        )


def _restore_files(vault: Repository, entries: Iterable[ManifestEntry]) -> tuple[int, list[str]]:
    """Returns the number of files stored, and the keys of those that are damaged in the backup."""
    files, damaged = {}, []
    with store().scratch(WORK) as work:
        for entry in entries:
            if _is_restored(entry):
                continue
            path = work / entry.key.replace("/", "-")
            try:
                copy(entry, vault.path(entry), path)
            except (FileNotFoundError, FileDamaged):
                damaged.append(entry.key)
            else:
                files[entry.key] = path
        store().move_in(files)
        failpoints.reach(Point.RESTORING)
    return len(files), damaged


def _is_restored(entry: ManifestEntry) -> bool:
    """True if an interrupted run has restored the file already. Raises BackupError if the key has other content."""
    if not store().exists(entry.key):
        return False
    if not file_check.matches(entry.key, ExpectedFile(entry.key, entry.bytes, entry.sha256), lambda _: None):
        raise BackupError(f"{entry.key} exists with other content. Restore into an empty installation.")
    return True


def _restore_secret(directory: Path) -> bool:
    """Replaces the secret key that this installation has generated. A key set by the environment is not changed."""
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
