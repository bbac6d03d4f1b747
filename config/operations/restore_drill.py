"""A fire drill: a backup is restored into an installation of its own, beside this one, which is then verified and thrown away."""

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
from processing.backups import Refused, snapshot_info
from processing.backups.repository import Vault
from processing.storage import keys as storage_keys

MANAGE = Path(settings.BASE_DIR) / "manage.py"
SERVERS = ("DATABASE_URL", "REDIS_URL", "S3_")
"""The real ones: no setting that begins so reaches the drill."""


@dataclass(frozen=True, slots=True)
class Held:
    name: str
    photos: int
    wrong: tuple[str, ...]
    """Keys that should be right after restoring, and are not."""
    lacking: tuple[str, ...]
    """Keys that the installation had lost already when the backup was taken."""
    renditions: int
    """How many the backup leaves to be made again."""


def hold(directory: Path, at: str = "", scratch: Path | None = None) -> Held:
    """Raises Refused when not even restoring succeeds. All of it comes to lie on the disk, wherever it lay.

    The scratch directory needs room for all files of the snapshot.
    """
    snapshot = Vault(directory).snapshot(at)
    told = snapshot_info.read(snapshot)
    with TemporaryDirectory(prefix="darkroom-drill-", dir=scratch) as data_dir, _database() as database:
        environment = env.instead({"DATA_DIR": data_dir, **database}, *SERVERS)
        _manage(environment, "restore", str(directory), "--at", snapshot.name, "--onto-disk")
        _manage(environment, "migrate", "--verbosity=0")
        found = json.loads(_manage(environment, "verify", "--json", statuses=(0, 1)))
    lacking = {storage_keys.bare(key) for key in told.lacking}
    missing = {key for key in found["missing"] if key not in lacking}
    again = set() if told.renditions else {key for key in missing if key.startswith("renditions/")}
    wrong = [*(missing - again), *(key for key in found["corrupt"] if key not in lacking), *found["orphans"]]
    return Held(snapshot.name, found["photos"], tuple(sorted(wrong)), tuple(told.lacking), len(again))


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """SQLite lies in the scratch directory. On PostgreSQL there is a database for the drill, on the same server."""
    if connection.vendor != "postgresql":
        yield {}
        return
    name = f"darkroom_drill_{secrets.token_hex(4)}"
    _tell_server(f'CREATE DATABASE "{name}"')
    try:
        yield {"DATABASE_URL": urlsplit(settings.DATABASE_URL)._replace(path=f"/{name}").geturl()}
    finally:
        _tell_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def _tell_server(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _manage(environment: Mapping[str, str], *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    """What the command printed. Raises Refused with what it complained of."""
    command = [sys.executable, str(MANAGE), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        raise Refused(f"The drill failed at `{arguments[0]}`:\n{done.stderr.strip()}")
    return done.stdout
