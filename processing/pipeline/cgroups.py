"""The cgroups that this process is in (cgroups(7)). Pure: it reads the kernel's files below the paths it is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def levels(controller: str, proc: Path = PROC, cgroups: Path = CGROUPS) -> Iterator[tuple[int, Path]]:
    """Yields the version (1 or 2) and the directory of each group that may limit the process: its own, and those around it.

    Lines are `id:controllers:path`; that of version 2 names no controllers. A container may not see its own path: what is
    mounted there is its group.
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
    """Empty for a file that is not there, or may not be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
