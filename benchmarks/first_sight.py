"""Time from the last byte received to the photo shown in a real browser, and what a job costs in addition to its picture.

A browser sends a made JPEG of 12 megapixels by the upload desk, each time a new one. The clock begins when the server has
responded to the request with the file's last bytes, and ends when the tile's picture is decoded in the page.
"""

import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, Response, sync_playwright

from benchmarks import measure
from processing.rendering.sandbox import Sandbox
from tests.browser.conftest import ARGUMENTS, CHROMIUM, DESKTOP, new_album, sign_in
from tests.installation import Installation

TIMES, JOBS = 5, 40
STAGES = """SELECT 86400 * (julianday(started_at) - julianday(created_at)),
  86400 * (julianday(finished_at) - julianday(started_at))
  FROM processing_processingjob ORDER BY id"""
SEEN = """async (before) => {
  const grid = () => [...document.querySelectorAll(".tile img.frame__image")];
  while (grid().length <= before) await new Promise(requestAnimationFrame);
  await Promise.all(grid().map((image) => image.decode()));
  await new Promise(requestAnimationFrame);
}"""
SPAN = """SELECT COUNT(*), (julianday(MAX(finished_at)) - julianday(MIN(started_at))) * 86400
  FROM processing_processingjob WHERE state = 'completed'"""


def run() -> None:
    _see()
    _jobs()


def _see() -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        photos = [measure.made(Path(directory) / f"made-{number}.jpg", number) for number in range(TIMES + 1)]
        installation.start("run")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = browser.new_page(viewport=DESKTOP, base_url=installation.url)
            sign_in(page)
            address = new_album(page)
            times = [_time(page, address, photo) for photo in photos][1:]  # the first starts the child
            browser.close()
        waits, works = (median(stage) for stage in zip(*installation.ask(STAGES)[1:], strict=True))
    row = ["Darkroom", *(f"{seconds:.2f}" for seconds in (min(times), median(times), max(times), waits, works))]
    title = f"From the last byte received to a photo of 12 MP in the grid, {TIMES} times"
    measure.table(title, ("", "least s", "median s", "most s", "job waits", "is at work"), [row])


def _time(page: Page, address: str, photo: Path) -> float:
    received: list[float] = []

    def hear(response: Response) -> None:
        if response.request.method in ("PATCH", "POST") and "/uploads/" in response.url:
            received.append(time.perf_counter())

    page.goto(address)
    before = page.locator(".tile img.frame__image").count()
    page.on("response", hear)
    page.locator("#uploader-photos").set_input_files(photo)
    page.evaluate(SEEN, before)
    shown_at = time.perf_counter()
    page.remove_listener("response", hear)
    return shown_at - max(received)


def _jobs() -> None:
    """Small pictures, so that the rest shows: from the first job's start to the last one's end, less what they take alone."""
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        content = measure.made(Path(directory) / "small.jpg", 0, (400, 300)).read_bytes()
        installation.start("serve")
        session = installation.sign_in()
        files = {f"{number}.jpg": content + bytes([number]) for number in range(JOBS)}
        installation.send(session, installation.new_album(session, "Bench"), files)
        installation.start("run_huey")
        count = 0
        while count < JOBS:  # queried from this process: a command would occupy a core
            time.sleep(0.1)
            [(count, seconds)] = installation.ask(SPAN)
        alone = _alone(Path(directory) / "small.jpg", Path(directory) / "out")
    per_photo = seconds / count
    row = ["Darkroom", *(f"{1000 * seconds:.1f}" for seconds in (per_photo, alone, per_photo - alone))]
    measure.table(f"{count} small jobs, one after the other", ("", "ms/job", "picture ms", "overhead ms"), [row])


def _alone(photo: Path, out: Path) -> float:
    with Sandbox() as sandbox:
        sandbox.develop(photo, out)
        begun = time.perf_counter()
        for _ in range(JOBS):
            sandbox.develop(photo, out)
        return (time.perf_counter() - begun) / JOBS


if __name__ == "__main__":
    run()
