"""How many CPUs this process may use, which on a shared machine or in a container is less than there are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from processing.pipeline import cgroups


def available(proc: Path = cgroups.PROC, groups: Path = cgroups.CGROUPS) -> int:
    """Returns those that it may run on, or as many as its cgroup's quota pays for, if that is less; one at least."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min([allowed, *map(ceil, _quotas(proc, groups))]))


def _quotas(proc: Path, groups: Path) -> Iterator[float]:
    """In CPUs. Version 2 tells quota and period in one file, "max" for none; version 1 in two, -1 for none."""
    for version, level in cgroups.levels("cpu", proc, groups):
        if version == 2:
            words = cgroups.text(level / "cpu.max").split()
        else:
            words = [cgroups.text(level / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
        if len(words) == 2 and all(word.isdigit() and int(word) for word in words):
            yield int(words[0]) / int(words[1])
