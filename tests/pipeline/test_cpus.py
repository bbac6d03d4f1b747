"""The number of CPUs that a process may use, read from files as several kinds of machine have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processing.pipeline import cpus


class Machine:
    """The /proc and /sys/fs/cgroup of a machine. The affinity mask of the process has eight CPUs."""

    def __init__(self, root: Path) -> None:
        self.proc, self.groups = root / "proc", root / "cgroup"

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def write_groups(self, lines: str) -> None:
        self.write(self.proc / "self" / "cgroup", lines + "\n")

    def write_quota(self, group: str, quota: str) -> None:
        self.write(self.groups / group / "cpu.max", quota + "\n")

    def write_quota_v1(self, group: str, quota: int, period: int = 100_000) -> None:
        self.write(self.groups / "cpu" / group / "cpu.cfs_quota_us", f"{quota}\n")
        self.write(self.groups / "cpu" / group / "cpu.cfs_period_us", f"{period}\n")

    def available(self) -> int:
        return cpus.available(self.proc, self.groups)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return Machine(tmp_path)


def test_without_a_quota_all_cpus_of_the_affinity_mask_are_available(machine: Machine) -> None:
    assert machine.available() == 8

    machine.write_groups("0::/darkroom.service")
    machine.write_quota("darkroom.service", "max 100000")

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
def test_a_quota_limits_the_number_of_cpus(machine: Machine, quota: str, count: int) -> None:
    machine.write_groups("0::/docker/abc")
    machine.write_quota("docker/abc", quota)

    assert machine.available() == count


@pytest.mark.parametrize("level", ["", "user.slice", "user.slice/darkroom.service"])
def test_a_quota_of_the_cgroup_or_of_any_group_above_it_counts(machine: Machine, level: str) -> None:
    machine.write_groups("0::/user.slice/darkroom.service")
    machine.write_quota("user.slice/darkroom.service", "max 100000")
    machine.write_quota(level, "300000 100000")

    assert machine.available() == 3


def test_a_quota_of_cgroup_version_1_is_read_from_two_files(machine: Machine) -> None:
    machine.write_groups("5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/")
    machine.write_quota_v1("docker/abc", 250_000)
    machine.write_quota_v1("", -1)

    assert machine.available() == 3


def test_a_process_with_one_cpu_in_its_affinity_mask_has_one(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})

    assert machine.available() == 1


def test_this_machine_has_at_least_one_cpu() -> None:
    assert cpus.available() >= 1
