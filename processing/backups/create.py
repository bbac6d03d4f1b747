"""Creates a backup while the site is running: first a snapshot of the database, then copies of all files that it references.

A file may be deleted in between: its photo is deleted permanently, or a raw file becomes an original. Then the snapshot is
discarded and a new one taken, with fewer files left to copy each time. So a published snapshot references no file that the backup
lacks, except those that it lists as lost or damaged in the installation itself.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from processing.backups import BackupError, database_dump, snapshot_info, snapshot_manifest
from processing.backups.repository import FileDamaged, Repository
from processing.backups.snapshot_info import ABOUT, MANIFEST, SECRET, SnapshotInfo
from processing.backups.snapshot_manifest import ManifestEntry
from processing.storage import storage_errors, store

MAX_ATTEMPTS = 20
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class CreateResult:
    name: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    lacking: tuple[str, ...]
    has_secret: bool


@dataclass(frozen=True, slots=True)
class _CopyResult:
    """The result of copying the files of one database snapshot."""

    files: int = 0
    bytes: int = 0
    lacking: tuple[str, ...] = ()
    is_outdated: bool = False


def create(vault: Repository, renditions: bool = False, say: Say = lambda _: None) -> CreateResult:
    """Adds a snapshot. If it is killed, earlier snapshots remain intact, and the next run keeps the files copied so far."""
    if not store().is_available():
        raise BackupError("The storage is unavailable, so nothing can be backed up.")
    with vault.locked():
        new_files = new_bytes = 0
        for _ in range(MAX_ATTEMPTS):
            draft, about = _new_draft(vault, renditions)
            result = _copy(vault, snapshot_manifest.read(draft / MANIFEST), renditions, say)
            new_files, new_bytes = new_files + result.files, new_bytes + result.bytes
            if not result.is_outdated:
                vault.sync()
                snapshot_info.write(draft, replace(about, lacking=list(result.lacking)))
                has_secret = (draft / SECRET).exists()
                name = vault.publish(draft)
                return CreateResult(name, about.files, about.bytes, new_files, new_bytes, result.lacking, has_secret)
            say("Photos were processed or deleted meanwhile. Starting another pass.")
    raise BackupError("Files change faster than they can be copied. Run the command again when the site is less busy.")


def _new_draft(vault: Repository, renditions: bool) -> tuple[Path, SnapshotInfo]:
    """Writes a draft of a snapshot, without the referenced files. Returns its directory and its description."""
    draft = vault.new_draft()
    database_name = database_dump.file_name()
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    with database_dump.snapshot(draft / database_name) as alias:
        sums = snapshot_manifest.write(draft / MANIFEST, snapshot_manifest.referenced_files(alias, renditions))
        migrations = database_dump.migrations(alias)
    if secret := _own_secret():
        (draft / SECRET).touch(mode=0o600)
        (draft / SECRET).write_text(secret, encoding="ascii")
    checksums = {path.name: snapshot_info.checksum(path) for path in draft.iterdir() if path.name != ABOUT}
    return draft, SnapshotInfo(
        version=settings.VERSION,
        taken_at=taken_at,
        database=database_name,
        migrations=migrations,
        files=sums.files,
        bytes=sums.bytes,
        renditions=renditions,
        has_bucket=sums.has_bucket,
        lacking=[],
        sha256=checksums,
    )


def _own_secret() -> str:
    """The secret key that the installation generated; empty if the environment sets the key."""
    with suppress(FileNotFoundError):
        secret = (Path(settings.DATA_DIR) / "secret_key").read_text(encoding="ascii")
        return secret if secret == settings.SECRET_KEY else ""
    return ""


def _copy(vault: Repository, entries: Iterable[ManifestEntry], renditions: bool, say: Say) -> _CopyResult:
    """Copies the files that the repository lacks.

    A file is read before its row is checked. A row is deleted before its file, so a file that is missing while its row still
    exists is lost, not deleted.
    """
    files = size = 0
    lacking = []
    for entry in entries:
        if vault.has(entry):
            continue
        try:
            with store().open_local(entry.key) as path:
                vault.add(entry, path)
        except (OSError, FileDamaged) as error:
            if isinstance(error, OSError) and not storage_errors.is_damage(error):
                raise
            if not snapshot_manifest.is_referenced(entry.key, renditions):
                return _CopyResult(files, size, is_outdated=True)
            say(f"{entry.key} is missing or damaged. For details, run `manage.py verify`.")
            lacking.append(entry.key)
        else:
            files, size = files + 1, size + entry.bytes
    return _CopyResult(files, size, tuple(lacking))
