"""Twenty photos through a real installation: form, queue, pipeline, page. CPU and memory of all its processes."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks import measure
from tests.installation import Installation

PHOTOS = 20
TICK = os.sysconf("SC_CLK_TCK")


def run() -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        paths = measure.photos(Path(directory), PHOTOS)
        files = {path.name: path.read_bytes() for path in paths}
        installation.start("run")
        session = installation.sign_in()
        album = installation.new_album(session, "Bench")
        group = installation.processes["run"].pid
        begun, spent, peak = time.perf_counter(), _cpu(group), 0
        installation.send(session, album, files)
        sent, first, done = time.perf_counter() - begun, 0.0, 0
        page = f"{installation.url}/albums/{album}/uploads/status/"
        while "report__head" not in (panel := session.get(page, timeout=30).text):
            done = panel.count('class="tile"')
            first = first or (time.perf_counter() - begun - sent if done else 0.0)
            peak = max(peak, _memory(group))
            time.sleep(0.05)
        wall, cpu = time.perf_counter() - begun, _cpu(group) - spent
        megabytes = sum(map(len, files.values())) / 1e6
        measure.table(
            f"{len(files)} photos of {megabytes:.0f} MB, from the form to the album",
            ("", "wall s", "CPU s", "upload MB/s", "1st photo s", "all RSS MB"),
            [["Darkroom", *(f"{n:.1f}" for n in (wall, cpu, megabytes / sent, first, peak / 1e6))]],
        )


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


def _cpu(group: int) -> float:
    """Seconds, of the processes and of their children that ended."""
    total = 0
    for path in _members(group):
        try:
            total += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return total / TICK


def _memory(group: int) -> int:
    total = 0
    for path in _members(group):
        try:
            total += int((path / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total
