"""What the processes of a server cost together: the one that leads them, and all below it."""

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu(group: int) -> float:
    """Seconds, of the processes and of their children that ended."""
    total = 0
    for path in _members(group):
        try:
            total += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return total / TICK


def memory(group: int) -> int:
    return sum(resident(int(path.name)) for path in _members(group))


def resident(pid: int) -> int:
    """Of this process alone; nothing, if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _members(group: int) -> list[Path]:
    """Processes descended from the one that leads the group."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    members = {group}
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return [Path(f"/proc/{pid}") for pid in members]
