"""Secrets that a new installation generates and stores in DATA_DIR, readable only by their owner."""

import os
import secrets
from pathlib import Path


def read_or_create(path: Path) -> str:
    """Returns the secret in the file, which is generated if it does not exist. Concurrent processes get the same secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary_path = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        _write_private(temporary_path, secrets.token_urlsafe(48))
        try:
            os.link(
                temporary_path, path
            )  # link() never replaces: the first process wins, and no process reads a partial file
        except FileExistsError:
            pass
        finally:
            temporary_path.unlink()
    return path.read_text(encoding="ascii")


def _write_private(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
