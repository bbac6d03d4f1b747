"""One large batch of 12 MP photos: does its rate, or any process's memory, change from the first photo to the last?

`python -m benchmarks.endurance --photos 1000 --chart rate.svg` draws both; a thousand take a quarter of an hour on two cores.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import requests

from benchmarks import measure, processes
from benchmarks.chart import Line, svg
from tests.installation import Installation

PHOTOS, SLICES, PAUSE = 60, 10, 0.25
SETTINGS = {"MAX_BATCH_FILES": "2000", "MAX_BATCH_BYTES": str(64 << 30)}
DONE = "SELECT COUNT(*) FROM processing_processingjob WHERE state = 'completed'"
FAILED = "SELECT COUNT(*) FROM processing_processingjob WHERE state NOT IN ('completed', 'pending', 'processing')"


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the worker began, photos done, bytes in use by all its processes."""

    at: float
    done: int
    memory: int


def run(photos: int = PHOTOS, chart: Path | None = None) -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory), SETTINGS) as installation:
        content = measure.made(Path(directory) / "made.jpg", 0).read_bytes()
        installation.start("serve")
        session = installation.sign_in()
        _send(installation, session, content, photos)
        moments = list(_watched(installation, photos))
    _print(moments, photos)
    if chart:
        chart.write_text(_drawn(moments, photos), encoding="utf-8")
        print(f"  drawn in {chart}")


def _send(installation: Installation, session: requests.Session, content: bytes, photos: int) -> None:
    """In one form, which this process holds in memory. Each differs in a few bytes behind its end, as no two photos are alike."""
    files = {f"{number}.jpg": content + number.to_bytes(4, "big") for number in range(photos)}
    answer = installation.send(session, installation.new_album(session, "Bench"), files, timeout=600)
    if not answer.ok:
        raise RuntimeError(f"the form answered {answer.status_code}: {answer.text[:300]}")


def _watched(installation: Installation, photos: int) -> Iterator[Moment]:
    worker, begun = installation.start("run_huey").pid, time.monotonic()
    done = 0
    while done < photos:
        [(done,)] = installation.ask(DONE)
        [(failed,)] = installation.ask(FAILED)
        if failed:
            raise RuntimeError(f"{failed} photos did not come out")
        yield Moment(time.monotonic() - begun, done, processes.memory(worker))
        time.sleep(PAUSE)


def _print(moments: Sequence[Moment], photos: int) -> None:
    rows = []
    for part in _slices(moments, photos):
        rate = (part[-1].done - part[0].done) / max(PAUSE, part[-1].at - part[0].at)
        peak = max(moment.memory for moment in part)
        rows.append([f"{part[0].done} to {part[-1].done}", f"{rate:.2f}", f"{peak / 1e6:.0f}", "#" * round(20 * rate)])
    measure.table(f"{photos} photos of 12 MP in one album", ("photos", "photos/s", "worker MB", "rate"), rows)


def _slices(moments: Sequence[Moment], photos: int) -> list[list[Moment]]:
    """The first tenth of the photos, the second, … Each begins with the end of the one before."""
    edges = [photos * number // SLICES for number in range(SLICES + 1)]
    parts = [[moment for moment in moments if low <= moment.done <= high] for low, high in pairwise(edges)]
    return [part for part in parts if len(part) > 1]


def _drawn(moments: Sequence[Moment], photos: int) -> str:
    parts = _slices(moments, photos)
    rates = [(part[-1].done, (part[-1].done - part[0].done) / (part[-1].at - part[0].at)) for part in parts]
    memory = [(moment.done, moment.memory / 1e6) for moment in moments]
    return svg("photos done", [Line("photos a second", rates), Line("worker and child, MB", memory)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw rate and memory there")
    options = parser.parse_args()
    run(options.photos, options.chart)
