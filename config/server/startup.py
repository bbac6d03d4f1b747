"""Migrates the database and collects the static files before the processes start, if that is necessary."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.staticfiles import HashedStatic


def prepare() -> None:
    if _has_unapplied_migrations():
        call_command("migrate", interactive=False, verbosity=0)
    _collect_static()
    connection.close()


def _has_unapplied_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def collect_missing() -> None:
    """Collects the static files unless all of them exist. Raises OSError if they cannot be written.

    Without them every page would fail with status 500: pages look up the hashed file names in the manifest.
    """
    if not _are_collected():
        with _collecting_lock():
            if not _are_collected():
                _manifest().unlink(missing_ok=True)  # Django does not replace a damaged manifest
                _collect()


def _collect_static() -> None:
    """Collects the static files if they have changed. The stamp is written last, so an interrupted run is repeated."""
    stamp, fingerprint = Path(settings.STATIC_ROOT) / ".stamp", _fingerprint()
    if not stamp.exists() or stamp.read_text() != fingerprint:
        with _collecting_lock():
            _collect()
        stamp.write_text(fingerprint)


def _collect() -> None:
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def _collecting_lock() -> Iterator[None]:
    """Holds a file lock: of several processes that start at once, one collects and the others wait."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.STATIC_ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _are_collected() -> bool:
    """True if the manifest lists every static file, and every listed file exists."""
    try:
        paths = json.loads(_manifest().read_bytes())["paths"]
    except (OSError, ValueError, KeyError):
        return False
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    names = {name for finder in get_finders() for name, _ in finder.list(ignored)}
    return names <= paths.keys() and all((_manifest().parent / path).is_file() for path in paths.values())


def _manifest() -> Path:
    """The path of the manifest, which maps file names to hashed names."""
    return Path(settings.STATIC_ROOT) / str(HashedStatic.manifest_name)


def _fingerprint() -> str:
    """Returns a hash of all static files' names, sizes and modification times, and of the storage settings. Reads no file."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in sorted(finder.list([]), key=lambda item: item[0]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
