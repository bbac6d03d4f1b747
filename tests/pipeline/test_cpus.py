"""The CPUs that a process may use, told by the files of many kinds of machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processing.pipeline import cpus


class Machine:
    """Its /proc and /sys/fs/cgroup; the process may run on eight of its CPUs."""

    def __init__(self, root: Path) -> None:
        self.proc, self.groups = root / "proc", root / "cgroup"

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def in_group(self, line: str) -> None:
        self.write(self.proc / "self" / "cgroup", line + "\n")

    def second(self, group: str, quota: str) -> None:
        self.write(self.groups / group / "cpu.max", quota + "\n")

    def first(self, group: str, quota: int, period: int = 100_000) -> None:
        self.write(self.groups / "cpu" / group / "cpu.cfs_quota_us", f"{quota}\n")
        self.write(self.groups / "cpu" / group / "cpu.cfs_period_us", f"{period}\n")

    def available(self) -> int:
        return cpus.available(self.proc, self.groups)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return Machine(tmp_path)


def test_where_nothing_limits_them_those_it_may_run_on_are_available(machine: Machine) -> None:
    assert machine.available() == 8

    machine.in_group("0::/darkroom.service")
    machine.second("darkroom.service", "max 100000")

    assert machine.available() == 8


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("50000 50000", 1),
        ("6400000 100000", 8),
        ("0 0", 8),
        ("nonsense", 8),
        ("", 8),
    ],
)
def test_a_quota_pays_for_so_many(machine: Machine, quota: str, count: int) -> None:
    machine.in_group("0::/docker/abc")
    machine.second("docker/abc", quota)

    assert machine.available() == count


@pytest.mark.parametrize("level", ["", "user.slice", "user.slice/darkroom.service"])
def test_a_quota_counts_wherever_it_stands_above_the_process(machine: Machine, level: str) -> None:
    machine.in_group("0::/user.slice/darkroom.service")
    machine.second("user.slice/darkroom.service", "max 100000")
    machine.second(level, "300000 100000")

    assert machine.available() == 3


def test_version_one_tells_quota_and_period_apart(machine: Machine) -> None:
    machine.in_group("5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/")
    machine.first("docker/abc", 250_000)
    machine.first("", -1)

    assert machine.available() == 3


def test_a_process_that_may_run_on_one_has_one(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})

    assert machine.available() == 1


def test_this_very_machine_has_some() -> None:
    assert cpus.available() >= 1
