"""Counts the CPUs that this process may use, which may be fewer than the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from processing.pipeline import cgroups


def available(proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> int:
    """Returns the number of CPUs in the process's affinity mask, or its cgroup's quota if that is less; at least one."""
    affinity = len(os.sched_getaffinity(0))
    return max(1, min([affinity, *map(ceil, _quotas(proc, groups))]))


def _quotas(proc: Path, groups: Path) -> Iterator[float]:
    """Yields quotas in CPUs. Version 2 has quota and period in one file, version 1 in two; "max" or -1 means no quota."""
    for version, level in cgroups.levels("cpu", proc, groups):
        if version == 2:
            values = cgroups.text(level / "cpu.max").split()
        else:
            values = [cgroups.text(level / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        if len(values) == 2 and all(value.isdigit() and int(value) for value in values):
            yield int(values[0]) / int(values[1])
