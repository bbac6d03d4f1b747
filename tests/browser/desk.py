"""Helpers for the uploader: files to choose, ways to add and send them, and the state that the page shows."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import cast

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from tests import polling
from tests.installation import Installation
from tests.processing import making

UPLOADS = re.compile(r"/uploads/[0-9a-f-]{36}/$")
LARGE = 400_000
WAIT_LONG = """for (const { dataset } of document.querySelectorAll("[data-uploader]")) {
  dataset.stallMs ??= 600_000;
  dataset.undoMs ??= 0;
}"""
"""Keeps the page from giving up requests that a test holds, and from offering Undo instead of Cancel all at first."""


def pictures(count: int, size: tuple[int, int] = (900, 600), name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    return [
        {"name": name.format(number), "mimeType": "image/jpeg", "buffer": making.jpeg(size)}
        for number in range(1, count + 1)
    ]


def send(page: Page, files: object) -> None:
    """Choose files in the uploader, which sends them at once, or without JavaScript in the form."""
    if page.locator("upload-desk:defined").count():
        page.evaluate(WAIT_LONG)
        page.locator("#uploader-photos").set_input_files(files)  # type: ignore[arg-type]
    else:
        page.locator("#upload-photos").set_input_files(files)  # type: ignore[arg-type]
        page.get_by_role("button", name="Upload").click()


def choose_folder(page: Page, folder: Path, files: Sequence[Mapping[str, object]] = ()) -> None:
    """Choose a folder in the uploader, which asks for the album before it sends. `files` are written into the folder first."""
    for file in files:
        (folder / str(file["name"])).write_bytes(cast("bytes", file["buffer"]))
    page.evaluate(WAIT_LONG)
    page.locator("#uploader-folder").set_input_files(folder)


def drop(page: Page, count: int, selector: str = "body") -> None:
    """Dispatch the three events of a browser when files are dropped."""
    page.evaluate(
        """async ([count, on]) => {
          const transfer = new DataTransfer();
          for (let n = 1; n <= count; n++) {
            const canvas = Object.assign(document.createElement("canvas"), { width: 40 + n, height: 40 });
            canvas.getContext("2d").fillRect(0, 0, n, n);
            const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
            transfer.items.add(new File([blob], `dropped-${n}.png`, { type: "image/png" }));
          }
          for (const name of ["dragenter", "dragover", "drop"]) {
            const event = new DragEvent(name, { bubbles: true, cancelable: true, dataTransfer: transfer });
            document.querySelector(on).dispatchEvent(event);
            if (name === "dragover") window.overlayWasShown = Boolean(document.querySelector(".drop-overlay"));
          }
        }""",
        [count, selector],
    )


def large(count: int, name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    """Return files larger than the part of a held request that the gate passes."""
    files = pictures(count, name=name)
    for number, file in enumerate(files):
        file["buffer"] = making.jpeg() + bytes([number]) * LARGE
    return files


def row(page: Page, name: str) -> Locator:
    return page.locator(".file-row").filter(has_text=name)


def expect_title(page: Page, text: str, seconds: float = 60) -> None:
    """Expect the tray's heading, and after a colon the line below it."""
    title, _, detail = text.partition(": ")
    expect(page.locator("[data-title]")).to_contain_text(title, timeout=seconds * 1000)
    if detail:
        expect(page.locator("[data-detail]")).to_have_text(re.compile(f"^{re.escape(detail)}"), timeout=seconds * 1000)


def album_of(page: Page) -> int:
    """Return the ID of the page's album."""
    return int(re.search(r"/albums/(\d+)/", page.url)[1])


def states(installation: Installation, page: Page) -> dict[str, int]:
    """Return the number of uploads to the page's album by state."""
    condition = f"WHERE album_id = {album_of(page)}"
    return dict(installation.ask(f"SELECT state, count(*) FROM processing_upload {condition} GROUP BY state"))


def wait_for(page: Page, condition: Callable[[], bool], message: str = "") -> None:
    """Wait for the condition. Playwright delivers events of the page only during calls, so each check makes one."""

    def is_fulfilled() -> bool:
        page.evaluate("true")
        return condition()

    polling.until(is_fulfilled, 120, message)


def record_uploads(source: Page | BrowserContext) -> list[str]:
    """Record the URLs that file contents are sent to from now on, at the server or the bucket."""
    urls: list[str] = []

    def record(request: Request) -> None:
        if request.method in ("PATCH", "PUT"):
            urls.append(request.url.partition("?")[0])

    source.on("request", record)
    return urls
