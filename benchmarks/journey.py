"""Twenty photos through a real installation: form, queue, pipeline, page. CPU and memory of all its processes."""

import tempfile
import time
from pathlib import Path

from benchmarks import measure, processes
from tests.installation import Installation

PHOTOS = 20


def run() -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        paths = measure.photos(Path(directory), PHOTOS)
        files = {path.name: path.read_bytes() for path in paths}
        installation.start("run")
        session = installation.sign_in()
        album = installation.new_album(session, "Bench")
        group = installation.processes["run"].pid
        begun, spent, peak = time.perf_counter(), processes.cpu(group), 0
        installation.send(session, album, files)
        sent, first, done = time.perf_counter() - begun, 0.0, 0
        page = f"{installation.url}/albums/{album}/uploads/status/"
        while "report__head" not in (panel := session.get(page, timeout=30).text):
            done = panel.count('class="tile ')
            first = first or (time.perf_counter() - begun - sent if done else 0.0)
            peak = max(peak, processes.memory(group))
            time.sleep(0.05)
        wall, cpu = time.perf_counter() - begun, processes.cpu(group) - spent
        megabytes = sum(map(len, files.values())) / 1e6
        measure.table(
            f"{len(files)} photos of {megabytes:.0f} MB, from the form to the album",
            ("", "wall s", "CPU s", "upload MB/s", "1st photo s", "all RSS MB"),
            [["Darkroom", *(f"{n:.1f}" for n in (wall, cpu, megabytes / sent, first, peak / 1e6))]],
        )
