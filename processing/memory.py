"""What share of the memory that this process may have is in use. Pure: it reads the kernel's files below the paths it is given.

As in MemAvailable, file cache is not in use: the kernel gives it back. That means the active cache too: a photo's bytes are
written once and read twice, and would otherwise count until the kernel needs their room.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

NO_LIMIT = 1 << 60
"""Version 1 tells its largest number where there is none. What is in use is not asked then: to add it up takes long."""

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def share_in_use(proc: Path = PROC, cgroups: Path = CGROUPS) -> float | None:
    """From 0 to 1, of whichever is fuller: the machine, or a limited cgroup that this process is in. None if nothing tells."""
    return max((used / total for total, used in (*_machine(proc), *_groups(proc, cgroups))), default=None)


def room(share: float, proc: Path = PROC, cgroups: Path = CGROUPS) -> tuple[int, int] | None:
    """Bytes that may come into use until that share is, and that there would be with nothing in use. None if nothing tells."""
    told = [(total, used) for total, used in (*_machine(proc), *_groups(proc, cgroups))]
    if not told:
        return None
    return min(int(share * total) - used for total, used in told), min(int(share * total) for total, _ in told)


def _machine(proc: Path) -> Iterator[tuple[int, int]]:
    """Bytes there are and bytes in use; the kernel tells kilobytes."""
    figures = _figures(proc / "meminfo")
    total, available = figures.get("MemTotal:"), figures.get("MemAvailable:")
    if total and available is not None:
        yield 1024 * total, 1024 * (total - available)


def _groups(proc: Path, cgroups: Path) -> Iterator[tuple[int, int]]:
    """Lines are `id:controllers:path` (cgroups(7)); that of version 2 names no controllers."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _levels(cgroups, path, "memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
            yield from _levels(cgroups / "memory", path, *names)


def _levels(root: Path, path: str, limit: str, usage: str, prefix: str) -> Iterator[tuple[int, int]]:
    """Of the group and those around it, for a limit may stand at any level.

    A container may not see its own path: what is mounted there is its group.
    """
    group = PurePosixPath(path.lstrip("/"))
    for level in (group, *group.parents):
        most = _number(root / level / limit)
        if most and most < NO_LIMIT and (used := _number(root / level / usage)) is not None:
            figures = _figures(root / level / "memory.stat")
            cache = figures.get(f"{prefix}inactive_file", 0) + figures.get(f"{prefix}active_file", 0)
            yield most, max(0, used - cache)


def _figures(path: Path) -> dict[str, int]:
    """Lines of a name and a number, perhaps with a unit."""
    lines = (line.split() for line in _text(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _number(path: Path) -> int | None:
    """None for "max", which is no limit, as for a file that is not there."""
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
