"""The secrets that a fresh installation makes for itself and keeps in DATA_DIR, readable by its owner alone."""

import os
import secrets
from pathlib import Path


def kept_in(path: Path) -> str:
    """Read the secret at path; make one first if there is none. Two processes that start together get the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        _write_private(draft, secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # never replaces: the first one wins, and a half-written one is never seen
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii")


def _write_private(path: Path, words: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(words)
        file.flush()
        os.fsync(file.fileno())
