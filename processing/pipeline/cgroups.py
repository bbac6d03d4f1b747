"""Finds the cgroups of this process (cgroups(7)). Pure: reads the kernel's files below the given paths only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def levels(controller: str, proc: Path = PROC, cgroups: Path = CGROUPS) -> Iterator[tuple[int, Path]]:
    """Yields the version (1 or 2) and the directory of each group that may limit the process: its own and that group's ancestors.

    Lines are `id:controllers:path`; version 2 has an empty list of controllers. In a container the path may not exist below
    `cgroups`: the root that is mounted there is its group then.
    """
    for line in text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        version, root = (1, cgroups / controller) if controllers else (2, cgroups)
        group = PurePosixPath(path.lstrip("/"))
        for level in (group, *group.parents):
            yield version, root / level


def text(path: Path) -> str:
    """Returns the file's content, or "" if it does not exist or cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
