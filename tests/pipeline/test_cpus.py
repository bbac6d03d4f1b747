"""The number of CPUs that a process may use, read from /proc and cgroups of many kinds of machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from processing.pipeline import cpus


class Machine:
    """A machine's /proc and /sys/fs/cgroup. The process may run on eight of its CPUs."""

    def __init__(self, root: Path) -> None:
        self.proc, self.cgroup = root / "proc", root / "cgroup"

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def set_group(self, line: str) -> None:
        self.write(self.proc / "self" / "cgroup", line + "\n")

    def write_v2(self, group: str, quota: str) -> None:
        self.write(self.cgroup / group / "cpu.max", quota + "\n")

    def write_v1(self, group: str, quota: int, period: int = 100_000) -> None:
        self.write(self.cgroup / "cpu" / group / "cpu.cfs_quota_us", f"{quota}\n")
        self.write(self.cgroup / "cpu" / group / "cpu.cfs_period_us", f"{period}\n")

    def available(self) -> int:
        return cpus.available(self.proc, self.cgroup)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    return Machine(tmp_path)


def test_without_a_quota_all_cpus_that_the_process_may_run_on_are_available(machine: Machine) -> None:
    assert machine.available() == 8

    machine.set_group("0::/darkroom.service")
    machine.write_v2("darkroom.service", "max 100000")

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
    machine.set_group("0::/docker/abc")
    machine.write_v2("docker/abc", quota)

    assert machine.available() == count


@pytest.mark.parametrize("level", ["", "user.slice", "user.slice/darkroom.service"])
def test_the_quota_of_any_parent_group_limits_the_number_of_cpus(machine: Machine, level: str) -> None:
    machine.set_group("0::/user.slice/darkroom.service")
    machine.write_v2("user.slice/darkroom.service", "max 100000")
    machine.write_v2(level, "300000 100000")

    assert machine.available() == 3


def test_the_quota_of_cgroup_version_1_is_read_from_two_files(machine: Machine) -> None:
    machine.set_group("5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/")
    machine.write_v1("docker/abc", 250_000)
    machine.write_v1("", -1)

    assert machine.available() == 3


def test_a_process_that_may_run_on_one_cpu_has_one(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})

    assert machine.available() == 1


def test_the_machine_of_the_tests_has_at_least_one_cpu() -> None:
    assert cpus.available() >= 1
