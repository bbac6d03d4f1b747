"""What share of the memory that this process may have is in use. Pure: it reads the kernel's files below the paths it is given.

As in MemAvailable, file cache is not in use: the kernel gives it back. That means the active cache too: a photo's bytes are
written once and read twice, and would otherwise count until the kernel needs their room.
"""

from collections.abc import Iterator
from pathlib import Path

from processing.pipeline import cgroups

NO_LIMIT = 1 << 60
"""Version 1 tells its largest number where there is none. What is in use is not asked then: to add it up takes long."""

FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: ("memory.max", "memory.current", ""),
}
"""By the version of cgroups: where limit and usage stand, and what figures of the whole group begin with in memory.stat."""


def share_in_use(proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> float | None:
    """From 0 to 1, of whichever is fuller: the machine, or a limited cgroup that this process is in. None if nothing tells."""
    return max((used / total for total, used in (*_machine(proc), *_groups(proc, groups))), default=None)


def room(share: float, proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> tuple[int, int] | None:
    """Bytes that may come into use until that share is, and that there would be with nothing in use. None if nothing tells."""
    told = [(total, used) for total, used in (*_machine(proc), *_groups(proc, groups))]
    if not told:
        return None
    return min(int(share * total) - used for total, used in told), min(int(share * total) for total, _ in told)


def _machine(proc: Path) -> Iterator[tuple[int, int]]:
    """Bytes there are and bytes in use; the kernel tells kilobytes."""
    figures = _figures(proc / "meminfo")
    total, available = figures.get("MemTotal:"), figures.get("MemAvailable:")
    if total and available is not None:
        yield 1024 * total, 1024 * (total - available)


def _groups(proc: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """A limit may stand at any level."""
    for version, level in cgroups.levels("memory", proc, groups):
        limit, usage, prefix = FILES[version]
        most = _number(level / limit)
        if most and most < NO_LIMIT and (used := _number(level / usage)) is not None:
            figures = _figures(level / "memory.stat")
            cache = figures.get(f"{prefix}inactive_file", 0) + figures.get(f"{prefix}active_file", 0)
            yield most, max(0, used - cache)


def _figures(path: Path) -> dict[str, int]:
    """Lines of a name and a number, perhaps with a unit."""
    lines = (line.split() for line in cgroups.text(path).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _number(path: Path) -> int | None:
    """None for "max", which is no limit, as for a file that is not there."""
    text = cgroups.text(path).strip()
    return int(text) if text.isdigit() else None
