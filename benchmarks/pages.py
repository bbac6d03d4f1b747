"""What the album page costs a browser that has never seen it: requests, bytes, paints, layout shift and the longest task.

    python -m benchmarks.pages [--compare REVISION]

fills albums with 10, 300 and 10,000 photos, each a copy of one processed photo, and opens each in a new browser context.
`--compare` measures another revision of Darkroom as well, in the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM, DESKTOP
from tests.installation import Installation

COUNTS = (10, 300, 10_000)
REQUESTS = 15
"""Of the page's HTML alone, for the server's time."""
FILL = """
import os, sys, uuid
from django.core.files.storage import default_storage
from albums.models import Album, Photo, Rendition

def copy(row, **changes):
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key}
    return type(row)(**values | changes)

photo = Photo.objects.get()
renditions = list(photo.renditions.all())
for count in %(counts)s:
    album = Album.objects.create(title=str(count), owner=photo.album.owner)
    photos = Photo.objects.bulk_create(
        copy(photo, album_id=album.pk, position=n + 1, name=f"{n}.jpg",
             original_key=f"originals/{uuid.uuid4().hex}.jpg", original_sha256=uuid.uuid4().hex * 2)
        for n in range(count)
    )
    rows = []
    for one in photos:
        for rendition in renditions:
            key = f"renditions/{one.pk %% 256:02x}/{uuid.uuid4().hex}/{rendition.edge}.webp"
            os.makedirs(os.path.dirname(default_storage.path(key)), exist_ok=True)
            os.link(default_storage.path(rendition.key), default_storage.path(key))
            rows.append(copy(rendition, photo_id=one.pk, key=key))
    Rendition.objects.bulk_create(rows, batch_size=500)
    print(count, album.pk)
"""
OBSERVE = """
window.measured = { shift: 0, longest: 0, largestPaint: 0 };
const on = (type, use) => new PerformanceObserver((seen) => seen.getEntries().forEach(use)).observe({ type, buffered: true });
on("layout-shift", (entry) => { if (!entry.hadRecentInput) window.measured.shift += entry.value; });
on("longtask", (entry) => { window.measured.longest = Math.max(window.measured.longest, entry.duration); });
on("largest-contentful-paint", (entry) => { window.measured.largestPaint = entry.startTime; });
"""
READ = """() => ({
  ...window.measured,
  firstPaint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  bytes: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((entry) => !/\\/renditions\\/|\\.webp|^data:|^blob:/.test(entry.name))
    .map((entry) => [entry.name, entry.transferSize]),
  html: performance.getEntriesByType("navigation")[0].transferSize,
  top: document.querySelector(".tile")?.getBoundingClientRect().top ?? 0,
})"""
HEAD = ("photos", "server ms", "HTML kB", "files", "kB", "FCP ms", "LCP ms", "CLS", "longest ms", "first photo y")


def run(revision: str = "") -> None:
    print("\nThe album page, first visit (files and kB: all but photos)")
    print("  " + "".join(cell.rjust(15) for cell in ("", *HEAD)))
    if revision:
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory) / "before"
            subprocess.run(
                ["git", "worktree", "add", "--detach", "--force", str(tree), revision], check=True, capture_output=True
            )
            try:
                _print("before", _in_tree(tree))
            finally:
                subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=True, capture_output=True)
    _print("now" if revision else "", _measure())


def _print(name: str, rows: list[list[str]]) -> None:
    for row in rows:
        print("  " + "".join(cell.rjust(15) for cell in (name, *row)))


def _in_tree(tree: Path) -> list[list[str]]:
    """Measures the revision in this directory, by this script in a process that imports that revision."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, str(Path(__file__).resolve()), "--json"]
    done = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    rows: list[list[str]] = json.loads(done.stdout)
    return rows


def _measure() -> list[list[str]]:
    with tempfile.TemporaryDirectory() as directory, Installation(Path(directory)) as installation:
        albums = _fill(installation, Path(directory))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            _visit(browser, installation, albums[0][1])  # the first visit fills the server's caches
            rows = [_row(browser, installation, count, album) for count, album in albums]
            browser.close()
    return rows


def _fill(installation: Installation, directory: Path) -> list[tuple[int, int]]:
    """Returns the number of photos and the id of each album."""
    photo = directory / "photo.jpg"
    Image.effect_noise((1200, 800), 60).convert("RGB").save(photo)
    installation.start("run")
    session = installation.sign_in()
    album = installation.new_album(session, "Source")
    installation.send(session, album, {"photo.jpg": photo.read_bytes()})
    while installation.ask("SELECT count(*) FROM albums_photo") != [(1,)]:
        time.sleep(0.2)
    output = installation.manage("shell", "--no-imports", "-c", FILL % {"counts": COUNTS}).stdout
    return [(int(count), int(pk)) for count, pk in map(str.split, output.splitlines())]


def _row(browser: Browser, installation: Installation, count: int, album: int) -> list[str]:
    session, milliseconds = installation.sign_in(), []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        session.get(f"{installation.url}/albums/{album}/").raise_for_status()
        milliseconds.append(1000 * (time.perf_counter() - begun))
    first_visit = _visit(browser, installation, album)
    sizes = dict(first_visit["bytes"])
    return [
        *(f"{count}", f"{statistics.median(milliseconds):.0f}", f"{first_visit['html'] / 1000:.0f}", f"{len(sizes)}"),
        *(
            f"{sum(sizes.values()) / 1000:.0f}",
            f"{first_visit['firstPaint']:.0f}",
            f"{first_visit['largestPaint']:.0f}",
        ),
        *(f"{first_visit['shift']:.3f}", f"{first_visit['longest']:.0f}", f"{first_visit['top']:.0f}"),
    ]


def _visit(browser: Browser, installation: Installation, album: int) -> dict[str, Any]:
    """Opens the album in a new browser context and returns what the browser measured."""
    context = browser.new_context(viewport=DESKTOP, base_url=installation.url)
    cookies = installation.sign_in().cookies
    context.add_cookies(
        [{"name": cookie.name, "value": cookie.value or "", "url": installation.url} for cookie in cookies]
    )
    context.add_init_script(OBSERVE)
    page = context.new_page()
    page.goto(f"/albums/{album}/", wait_until="networkidle")
    measured: dict[str, Any] = page.evaluate(READ)
    context.close()
    return measured


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", default="", metavar="REVISION")
    parser.add_argument("--json", action="store_true", help="print the rows of this revision as JSON")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(_measure()))
    else:
        run(options.compare)
