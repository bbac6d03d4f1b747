"""What adding many files costs the browser: the longest task of the page, rows and tiles, and how far the grid moves.

    python -m benchmarks.queuing [--files 300 2000] [--photos 30 300]

`--files` adds this many small files and holds their upload: CPU of the longest tasks of the main thread, and elements.
`--photos` uploads and processes this many photos of different shapes on a desktop and a phone, and sums up the layout shift.
"""

import argparse
import itertools
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, Route, ViewportSize, sync_playwright

from tests import polling
from tests.browser.conftest import ARGUMENTS, CHROMIUM, DESKTOP, PHONE
from tests.installation import Installation

FILES, PHOTOS = (300, 2000), (30, 300)
SIZES = ((900, 600), (600, 900), (800, 800), (1200, 500), (640, 480))
"""Of the photos, in turn."""
TRACED = ["disabled-by-default-devtools.timeline", "toplevel", "__metadata"]
TASK = "RunTask"
TIMEOUT_MS = 300_000
PREPARE = """async count => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 600, height: 400 });
  canvas.getContext("2d").fillRect(0, 0, 300, 200);
  const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg"));
  window.transfer = new DataTransfer();
  for (let n = 1; n <= count; n++) transfer.items.add(new File([picture, `${n}`], `IMG_${n}.JPG`, { type: "image/jpeg" }));
}"""
ADD = """() => {
  const input = document.querySelector("#uploader-photos");
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}"""
OBSERVE = """
window.shift = 0;
window.shifts = [];
new PerformanceObserver((seen) => seen.getEntries().forEach((entry) => {
  if (entry.hadRecentInput) return;
  window.shift += entry.value;
  window.shifts.push([entry.value, entry.sources.map(({ node }) => node?.className ?? node?.nodeName)]);
})).observe({ type: "layout-shift", buffered: true });
"""
ALBUM_NUMBERS = itertools.count(1)
UPLOAD = re.compile(r"/uploads/[0-9a-f-]{36}/$")
IS_SENDING = "() => document.querySelector('.file-row[data-state=sending]') && document.querySelector('.tile--pending')"
IS_CHECKED = "() => !document.querySelector('[data-next-text]').textContent.includes('being checked')"


def run(files: Sequence[int] = FILES, photos: Sequence[int] = PHOTOS) -> None:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        installation.start("run")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            print("\nFiles added to an album (CPU of the main thread)")
            _print("files", "longest ms", "over 50 ms", "rows", "tiles")
            for count in files:
                _print(count, *_queue(browser, installation, count, Path(directory) / "trace.json"))
            print("\nLayout shift while photos are uploaded and processed")
            _print("photos", "desktop", "phone")
            for count in photos:
                # New photos for each: the second album would be offered those of the first.
                shifts = (
                    _shift(browser, installation, _photos(Path(directory), count), size) for size in (DESKTOP, PHONE)
                )
                _print(count, *(f"{shift:.4f}" for shift in shifts))
            browser.close()


def _print(*cells: object) -> None:
    print("  " + "".join(str(cell).rjust(15) for cell in cells))


def _queue(browser: Browser, installation: Installation, count: int, trace: Path) -> list[object]:
    """Returns the longest task and the number of long tasks in milliseconds of CPU, and the numbers of rows and tiles."""
    page = _open_album(browser, installation, DESKTOP)
    held: list[Route] = []
    page.route(UPLOAD, lambda route: held.append(route))  # nothing arrives; Playwright marks its handlers
    page.evaluate(PREPARE, count)
    browser.start_tracing(page=page, path=trace, categories=TRACED)
    page.evaluate(ADD)
    page.wait_for_function(IS_SENDING, timeout=TIMEOUT_MS)
    page.wait_for_function(IS_CHECKED, timeout=TIMEOUT_MS)
    browser.stop_tracing()
    tasks = _main_thread_tasks(json.loads(trace.read_bytes())["traceEvents"])
    counts = [page.locator(selector).count() for selector in (".file-row", ".tile")]
    for route in held:
        route.abort()
    page.context.close()
    return [f"{max(tasks):.0f}", sum(task > 50 for task in tasks), *counts]


def _main_thread_tasks(events: list[dict[str, Any]]) -> list[float]:
    """Returns the CPU time of each task of the page's main thread, in milliseconds."""
    renderers = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    named = [event for event in events if event["name"].endswith(TASK) and (event["pid"], event["tid"]) in renderers]
    return [event["tdur"] / 1000 for event in named if "tdur" in event]


def _photos(directory: Path, count: int) -> list[Path]:
    paths = [directory / f"IMG_{number:04}.JPG" for number in range(count)]
    for number, path in enumerate(paths):
        Image.effect_noise(SIZES[number % len(SIZES)], 60).convert("RGB").save(path, quality=50)
    return paths


def _shift(browser: Browser, installation: Installation, photos: list[Path], size: ViewportSize) -> float:
    """Returns the sum of all layout shifts that no input has caused, until every photo is shown."""
    page = _open_album(browser, installation, size)
    page.locator("#uploader-photos").set_input_files(photos)
    photo_tiles = page.locator(".tile[data-position]")
    polling.until(lambda: photo_tiles.count() == len(photos), 1800)
    shift: float = page.evaluate("window.shift")
    page.context.close()
    return shift


def _open_album(browser: Browser, installation: Installation, size: ViewportSize) -> Page:
    session = installation.sign_in()
    # A second album of the same title would show a warning, which moves when the tray opens.
    album = installation.new_album(session, f"Album {next(ALBUM_NUMBERS)}")
    context = browser.new_context(viewport=size, base_url=installation.url)
    cookies = [
        {"name": cookie.name, "value": cookie.value or "", "url": installation.url} for cookie in session.cookies
    ]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    context.add_init_script(OBSERVE)
    page = context.new_page()
    page.goto(f"/albums/{album}/")
    page.locator("upload-desk:defined").wait_for(state="attached")
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=FILES)
    parser.add_argument("--photos", type=int, nargs="*", default=PHOTOS)
    options = parser.parse_args()
    run(options.files, options.photos)
