"""File systems for one test, with faults that permissions cannot simulate for root."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    try:
        yield
    finally:
        _umount(path)


def grow(path: Path, size: str) -> None:
    _mount("-o", f"remount,size={size}", str(path))


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Make the file read-only for every process that opens it while the context lasts."""
    _mount("--bind", str(path), str(path))
    try:
        _mount("-o", "remount,bind,ro", str(path))
        yield
    finally:
        _umount(path)


def _mount(*arguments: str) -> None:
    command = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if command.returncode:
        pytest.skip(f"NOT TESTED: no file system can be mounted here: {command.stderr.strip()}")


def _umount(path: Path) -> None:
    subprocess.run(["umount", "--lazy", str(path)], check=True)
