"""The share of memory in use, read from files as many kinds of machines have them."""

from pathlib import Path

import pytest

from processing.lib import system_memory

MEBI = 1 << 20
MEMINFO = (
    "MemTotal:       {total} kB\nMemFree:         100 kB\nMemAvailable:   {available} kB\nHugePages_Total:       0\n"
)


class Machine:
    """The /proc and /sys/fs/cgroup of a machine. Without a cgroup, half of its memory is in use."""

    def __init__(self, root: Path) -> None:
        self.proc, self.cgroups = root / "proc", root / "cgroup"
        self.write(self.proc / "meminfo", MEMINFO.format(total=8000, available=4000))

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def in_group(self, line: str) -> None:
        self.write(self.proc / "self" / "cgroup", line + "\n")

    def second(self, group: str, most: object, used: int, stat: str = "") -> None:
        for name, value in (("max", most), ("current", used), ("stat", stat)):
            self.write(self.cgroups / group / f"memory.{name}", f"{value}\n")

    def first(self, group: str, most: int, used: int, stat: str = "") -> None:
        for name, value in (("limit_in_bytes", most), ("usage_in_bytes", used), ("stat", stat)):
            self.write(self.cgroups / "memory" / group / f"memory.{name}", f"{value}\n")

    def share(self) -> float | None:
        return system_memory.share_in_use(self.proc, self.cgroups)


@pytest.fixture
def machine(tmp_path) -> Machine:
    return Machine(tmp_path)


def test_without_a_cgroup_the_memory_of_the_machine_counts(machine):
    assert machine.share() == 0.5


def test_a_cgroup_with_a_limit_counts_without_its_reclaimable_file_cache(machine):
    machine.in_group("0::/system.slice/darkroom.service")
    stat = f"anon 1\ninactive_file {100 * MEBI}\nactive_file {50 * MEBI}\nfile_dirty 5"
    machine.second("system.slice/darkroom.service", 500 * MEBI, 550 * MEBI, stat)

    assert machine.share() == 0.8


@pytest.mark.parametrize("level", ["", "system.slice", "system.slice/darkroom.service"])
def test_a_limit_on_any_level_above_the_process_counts(machine, level):
    machine.in_group("0::/system.slice/darkroom.service")
    machine.second("system.slice/darkroom.service", "max", 900)
    machine.second(level, 1000, 900)

    assert machine.share() == 0.9


def test_the_machine_counts_if_it_is_fuller_than_the_cgroup(machine):
    machine.in_group("0::/a")
    machine.second("a", 1000, 100)

    assert machine.share() == 0.5


def test_a_container_that_cannot_see_its_own_path_is_measured_at_the_root(machine):
    machine.in_group("0::/../../docker/abc")
    machine.second("", 1000, 700)

    assert machine.share() == 0.7


def test_version_1_cgroups_are_read_by_their_own_file_names(machine):
    machine.in_group("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/")
    machine.first("docker/abc", 1000, 950, "inactive_file 7\ntotal_inactive_file 40\ntotal_active_file 10")

    assert machine.share() == 0.9


def test_without_a_limit_in_a_version_1_cgroup_the_machine_counts(machine):
    machine.in_group("4:memory:/")
    machine.first("", 9223372036854771712, 10**9)

    assert machine.share() == 0.5


@pytest.mark.parametrize("text", ["", "nonsense", "MemTotal: x kB", "MemTotal: 0 kB\nMemAvailable: 0 kB"])
def test_meminfo_without_usable_values_is_no_shortage(machine, text):
    machine.write(machine.proc / "meminfo", text)

    assert machine.share() is None


def test_the_share_in_use_of_this_machine_is_known():
    share = system_memory.share_in_use()

    assert share is not None
    assert 0 < share < 1


def test_room_is_the_smallest_free_amount_and_the_smallest_total(machine):
    assert system_memory.room(0.8, machine.proc, machine.cgroups) == (int(0.3 * 8000) * 1024, 6400 * 1024)

    machine.in_group("0::/darkroom")
    machine.second("darkroom", 5 * MEBI, 1 * MEBI)

    assert system_memory.room(0.8, machine.proc, machine.cgroups) == (int(0.3 * 8000) * 1024, 4 * MEBI)


def test_room_is_unknown_without_the_kernels_files(tmp_path):
    assert system_memory.room(0.8, tmp_path, tmp_path) is None
