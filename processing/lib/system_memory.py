"""Measures the memory in use of the machine and of this process's cgroups. Pure: reads the kernel's files below the given paths.

File cache does not count as in use, as in MemAvailable, because the kernel can free it. That includes the active cache: a photo's
bytes are written once and read twice, and would otherwise count until the kernel needs their memory.
"""

from collections.abc import Iterator
from pathlib import Path

from processing.pipeline import cgroups

NO_LIMIT = 1 << 60
"""From this value on, a limit means none: cgroups v1 report their largest number. Usage is not read then, which is slow."""

FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    2: ("memory.max", "memory.current", ""),
}
"""By cgroup version: the files of limit and usage, and the prefix in memory.stat of values for the whole group."""


def share_in_use(proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> float | None:
    """Returns the share of memory in use, from 0 to 1: the largest of the machine's and of each limited cgroup's.

    None if no value is available.
    """
    return max((used / total for total, used in (*_machine(proc), *_groups(proc, groups))), default=None)


def room(share: float, proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> tuple[int, int] | None:
    """Returns the bytes that are free until `share` is in use, and the bytes of that share when nothing is in use.

    None if no value is available.
    """
    pools = [(total, used) for total, used in (*_machine(proc), *_groups(proc, groups))]
    if not pools:
        return None
    return min(int(share * total) - used for total, used in pools), min(int(share * total) for total, _ in pools)


def _machine(proc: Path) -> Iterator[tuple[int, int]]:
    """Yields the machine's total and used bytes. The kernel reports kilobytes."""
    figures = _figures(proc / "meminfo")
    total, available = figures.get("MemTotal:"), figures.get("MemAvailable:")
    if total and available is not None:
        yield 1024 * total, 1024 * (total - available)


def _groups(proc: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Yields the limit and used bytes of each limited cgroup. A limit may be set at any level."""
    for version, level in cgroups.levels("memory", proc, groups):
        limit, usage, prefix = FILES[version]
        max_bytes = _number(level / limit)
        if max_bytes and max_bytes < NO_LIMIT and (used := _number(level / usage)) is not None:
            figures = _figures(level / "memory.stat")
            cache = figures.get(f"{prefix}inactive_file", 0) + figures.get(f"{prefix}active_file", 0)
            yield max_bytes, max(0, used - cache)


def _figures(path: Path) -> dict[str, int]:
    """Parses lines of a name, a number and an optional unit."""
    lines = (line.split() for line in cgroups.text(path).splitlines())
    return {fields[0]: int(fields[1]) for fields in lines if len(fields) > 1 and fields[1].isdigit()}


def _number(path: Path) -> int | None:
    """Returns the file's number; None for "max", which means no limit, and for a missing file."""
    text = cgroups.text(path).strip()
    return int(text) if text.isdigit() else None
