"""The restore drill: restores a backup into a temporary installation, verifies it there, and deletes the installation."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from config import env
from processing.backups import BackupError, snapshot_info
from processing.backups.repository import Repository
from processing.storage import keys as storage_keys

MANAGE = Path(settings.BASE_DIR) / "manage.py"
SERVER_PREFIXES = ("DATABASE_URL", "REDIS_URL", "S3_")
"""Prefixes of the settings of production servers, which are not passed to the drill."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    name: str
    photos: int
    wrong: tuple[str, ...]
    """Keys that are missing, corrupt or orphaned after restoring."""
    lacking: tuple[str, ...]
    """Keys that the installation had already lost when the backup was made."""
    renditions: int
    """How many renditions the backup does not contain and have to be rendered again."""


def run(directory: Path, at: str = "", scratch: Path | None = None) -> DrillResult:
    """Runs the drill, and returns its result. Raises BackupError if restoring fails.

    All files are restored to the local disk, including those from a bucket. The scratch directory needs space for all files of
    the snapshot.
    """
    snapshot = Repository(directory).snapshot(at)
    info = snapshot_info.read(snapshot)
    with TemporaryDirectory(prefix="darkroom-drill-", dir=scratch) as data_dir, _database() as database:
        environment = env.for_subprocess({"DATA_DIR": data_dir, **database}, *SERVER_PREFIXES)
        _manage(environment, "restore", str(directory), "--at", snapshot.name, "--onto-disk")
        _manage(environment, "migrate", "--verbosity=0", "--skip-checks")
        report = json.loads(_manage(environment, "verify", "--json", statuses=(0, 1)))
    lacking = {storage_keys.bare(key) for key in info.lacking}
    missing = {key for key in report["missing"] if key not in lacking}
    renditions = {key for key in missing if storage_keys.directory(key) == storage_keys.RENDITIONS}
    rerendered = set() if info.renditions else renditions
    wrong = [*(missing - rerendered), *(key for key in report["corrupt"] if key not in lacking), *report["orphans"]]
    return DrillResult(snapshot.name, report["photos"], tuple(sorted(wrong)), tuple(info.lacking), len(rerendered))


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """Yields the environment variables for the drill's database.

    An SQLite database is in the scratch directory and needs none. With PostgreSQL, a temporary database is created on the same
    server, and dropped afterwards.
    """
    if connection.vendor != "postgresql":
        yield {}
        return
    name = f"darkroom_drill_{secrets.token_hex(4)}"
    _execute(f'CREATE DATABASE "{name}"')
    try:
        yield {"DATABASE_URL": urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()}
    finally:
        _execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _manage(environment: Mapping[str, str], *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """Runs a management command, and returns its output. Raises BackupError with its error output."""
    command = [sys.executable, str(MANAGE), *arguments]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode not in statuses:
        raise BackupError(f"Drill failed at `{arguments[0]}`:\n{process.stderr.strip()}")
    return process.stdout
