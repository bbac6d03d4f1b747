"""One large batch of 12 MP photos: does its rate, or any process's memory, change from the first photo to the last?

`python -m benchmarks.endurance --photos 1000 --chart rate.svg` draws it; a thousand take ten minutes on two quiet cores, and 4 GB
of disk. The sender holds one photo's path, however many they are.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import requests

from benchmarks import measure, processes
from benchmarks.chart import Line, svg
from benchmarks.wire import Body, Wire
from tests.installation import Installation

PHOTOS, SLICES, PAUSE, MEGA = 60, 10, 0.25, 1e6
SETTINGS = {"MAX_BATCH_FILES": "2000", "MAX_BATCH_BYTES": str(64 << 30)}
BOUNDARY = "-" * 20 + "of-no-photo"
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photos"; filename="{{}}.jpg"\r\n\r\n'
DONE = "SELECT COUNT(*) FROM processing_processingjob WHERE state = 'completed'"
FAILED = "SELECT COUNT(*) FROM processing_processingjob WHERE state NOT IN ('completed', 'pending', 'processing')"


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the worker began, photos done, and bytes in use by the web server's processes, the worker and its child."""

    at: float
    done: int
    web: int
    worker: int
    child: int


def run(photos: int = PHOTOS, chart: Path | None = None) -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory), SETTINGS) as installation:
        photo = measure.made(Path(directory) / "made.jpg", 0)
        web = installation.start("serve").pid
        session = installation.sign_in()
        album = installation.new_album(session, "Bench")
        before, peak = processes.memory(web), _taken_in(installation, session, album, photo, photos, web)
        moments = list(_watched(installation, session, album, photos, web))
    _print(moments, photos)
    print(f"  web server before the form {before / MEGA:.0f} MB, while it came in {peak / MEGA:.0f} MB at most")
    if chart:
        chart.write_text(_drawn(moments, photos), encoding="utf-8")
        print(f"  drawn in {chart}")


def _taken_in(
    installation: Installation, session: requests.Session, album: int, photo: Path, photos: int, web: int
) -> int:
    """The most memory that the web server uses meanwhile."""
    peak = 0
    with ThreadPoolExecutor(1) as sender:
        sent = sender.submit(_send, installation, session, album, photo, photos)
        while not sent.done():
            peak = max(peak, processes.memory(web))
            time.sleep(PAUSE)
        sent.result()
    return peak


def _send(installation: Installation, session: requests.Session, album: int, photo: Path, photos: int) -> None:
    """In one form. Each photo differs in a few bytes behind its end, as no two are alike."""
    parts: list[Body] = []
    for number in range(photos):
        parts += [Body.saying(HEAD.format(number).encode()), Body.of(photo), Body.saying(b"%08d\r\n" % number)]
    parts.append(Body.saying(f"--{BOUNDARY}--\r\n".encode()))
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Accept": "application/json",
        "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies),
        "X-CSRFToken": session.cookies["csrftoken"],
        "Origin": installation.url,
    }
    with Wire(installation.port) as wire:
        wire.ask("POST", f"/albums/{album}/uploads/", headers, parts)


def _watched(
    installation: Installation, session: requests.Session, album: int, photos: int, web: int
) -> Iterator[Moment]:
    """Polls the album's page every second, like a browser."""
    worker, begun = installation.start("run_huey").pid, time.monotonic()
    done, polled_at, panel = 0, 0.0, f"{installation.url}/albums/{album}/uploads/status/"
    while done < photos:
        [(done,)] = installation.ask(DONE)
        [(failed,)] = installation.ask(FAILED)
        if failed:
            raise RuntimeError(f"{failed} photos did not come out")
        at, alone = time.monotonic() - begun, processes.resident(worker)
        yield Moment(at, done, processes.memory(web), alone, max(0, processes.memory(worker) - alone))
        if at - polled_at >= 1:
            session.get(panel, timeout=30).raise_for_status()
            polled_at = at
        time.sleep(PAUSE)


def _print(moments: Sequence[Moment], photos: int) -> None:
    rows = []
    for part in _slices(moments, photos):
        rate = (part[-1].done - part[0].done) / max(PAUSE, part[-1].at - part[0].at)
        peaks = [max(sizes) / MEGA for sizes in zip(*((it.web, it.worker, it.child) for it in part), strict=True)]
        rows.append([f"{part[0].done} to {part[-1].done}", f"{rate:.2f}", *(f"{peak:.0f}" for peak in peaks)])
    head = ("photos", "photos/s", "web MB", "worker MB", "child MB")
    measure.table(f"{photos} photos of 12 MP in one album", head, rows)


def _slices(moments: Sequence[Moment], photos: int) -> list[list[Moment]]:
    """The first tenth of the photos, the second, … Each begins with the end of the one before."""
    edges = [photos * number // SLICES for number in range(SLICES + 1)]
    parts = [[moment for moment in moments if low <= moment.done <= high] for low, high in pairwise(edges)]
    return [part for part in parts if len(part) > 1]


def _drawn(moments: Sequence[Moment], photos: int) -> str:
    parts = _slices(moments, photos)
    rates = [(part[-1].done, (part[-1].done - part[0].done) / (part[-1].at - part[0].at)) for part in parts]
    return svg(
        "photos done",
        [
            Line("photos a second", rates),
            Line("web server, MB", [(it.done, it.web / MEGA) for it in moments]),
            Line("worker, MB", [(it.done, it.worker / MEGA) for it in moments]),
            Line("the child that decodes, MB", [(it.done, it.child / MEGA) for it in moments]),
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw rate and memory there")
    options = parser.parse_args()
    run(options.photos, options.chart)
