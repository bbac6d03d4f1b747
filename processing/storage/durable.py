"""What survives a power cut: a file's bytes when it was synced, its name when its directory was."""

import os
from pathlib import Path


def file(path: Path) -> None:
    with path.open("rb") as opened:
        os.fsync(opened.fileno())


def directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
