"""Taking a backup while the site runs: the database at one moment first, then all files that it names.

A file may go between the two: a photo is deleted for ever, a raw file becomes an original. Then that moment is given up for
a later one, of which less is still to be copied each time. So what is published never names a file that the backup lacks.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from processing.backups import Refused, database_dump, manifest, snapshot_info
from processing.backups.manifest import Entry
from processing.backups.repository import Damaged, Vault
from processing.backups.snapshot_info import ABOUT, MANIFEST, SECRET, About
from processing.storage import errors as storage_errors
from processing.storage import store

ROUNDS = 20
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Taken:
    name: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    lacking: tuple[str, ...]
    has_secret: bool


@dataclass(frozen=True, slots=True)
class _Round:
    """What came of copying what one moment names."""

    files: int = 0
    bytes: int = 0
    lacking: tuple[str, ...] = ()
    is_outdated: bool = False


def take(vault: Vault, renditions: bool = False, say: Say = lambda _: None) -> Taken:
    """Add a snapshot. Killed at any point, it leaves the earlier ones as they are, and the next run goes on from there."""
    if not store().is_there():
        raise Refused("The storage is away; a backup of it now would lack everything.")
    with vault.locked():
        files = size = 0
        for _ in range(ROUNDS):
            draft, told = _look(vault, renditions)
            done = _copy(vault, manifest.read(draft / MANIFEST), renditions, say)
            files, size = files + done.files, size + done.bytes
            if not done.is_outdated:
                vault.sync()
                snapshot_info.write(draft, replace(told, lacking=list(done.lacking)))
                has_secret = (draft / SECRET).exists()
                name = vault.publish(draft)
                return Taken(name, told.files, told.bytes, files, size, done.lacking, has_secret)
            say("Something was deleted or developed meanwhile; looking again.")
    raise Refused(
        "Files kept going faster than they could be copied. What was copied is kept; run it again at a quieter time."
    )


def _look(vault: Vault, renditions: bool) -> tuple[Path, About]:
    """A draft with all of a snapshot but its files."""
    draft = vault.new_draft()
    name = database_dump.file_name()
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    with database_dump.snapshot(draft / name) as rows:
        named = manifest.write(draft / MANIFEST, manifest.wanted(rows, renditions))
        applied = database_dump.migrations(rows)
    if secret := _own_secret():
        (draft / SECRET).touch(mode=0o600)
        (draft / SECRET).write_text(secret, encoding="ascii")
    sums = {path.name: snapshot_info.checksum(path) for path in draft.iterdir() if path.name != ABOUT}
    return draft, About(
        version=settings.VERSION,
        taken_at=taken_at,
        database=name,
        migrations=applied,
        files=named.files,
        bytes=named.bytes,
        renditions=renditions,
        has_bucket=named.has_bucket,
        lacking=[],
        sha256=sums,
    )


def _own_secret() -> str:
    """The secret key that the installation made for itself; empty when the environment sets it, which keeps it elsewhere then."""
    with suppress(FileNotFoundError):
        kept = (Path(settings.DATA_DIR) / "secret_key").read_text(encoding="ascii")
        return kept if kept == settings.SECRET_KEY else ""
    return ""


def _copy(vault: Vault, entries: Iterable[Entry], renditions: bool, say: Say) -> _Round:
    """Copy what the vault lacks. Bytes first, rows after: who is gone from the one is gone from the other before."""
    files = size = 0
    lacking = []
    for entry in entries:
        if vault.has(entry):
            continue
        try:
            with store().borrow(entry.key) as path:
                vault.add(entry, path)
        except (OSError, Damaged) as error:
            if isinstance(error, OSError) and not storage_errors.is_damage(error):
                raise
            if not manifest.is_wanted(entry.key, renditions):
                return _Round(files, size, is_outdated=True)
            say(f"{entry.key} is lost or damaged here; `manage.py verify` tells more.")
            lacking.append(entry.key)
        else:
            files, size = files + 1, size + entry.bytes
    return _Round(files, size, tuple(lacking))
