"""The desk by its handles: files to choose, ways to hand them over, and what it says of them."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from tests import polling
from tests.installation import Installation
from tests.processing import making

UPLOADS = re.compile(r"/uploads/[0-9a-f-]{36}/$")
LARGE = 400_000
NEVER_STALL = "for (const desk of document.querySelectorAll('[data-uploader]')) desk.dataset.stallMs ??= 600_000"
"""What is held back for a test is not given up by the page meanwhile."""


def pictures(count: int, size: tuple[int, int] = (900, 600), name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    return [
        {"name": name.format(number), "mimeType": "image/jpeg", "buffer": making.jpeg(size)}
        for number in range(1, count + 1)
    ]


def choose(page: Page, files: object) -> None:
    """By the desk, or without a script by the form."""
    chooser = "#uploader-photos" if page.locator("[data-uploader]").is_visible() else "#upload-photos"
    page.evaluate(NEVER_STALL)
    page.locator(chooser).set_input_files(files)  # type: ignore[arg-type]


def send(page: Page, files: object) -> None:
    choose(page, files)
    page.get_by_role("button", name="Upload").click()


def drop(page: Page, count: int, on: str = "body") -> None:
    """What the browser does when files are dropped: three events with the same files."""
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
            if (name === "dragover") window.overlayWasShown = !document.querySelector("[data-drop-overlay]").hidden;
          }
        }""",
        [count, on],
    )


def large(count: int, name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    """Files larger than what the gate lets through of a held request."""
    files = pictures(count, name=name)
    for number, file in enumerate(files):
        file["buffer"] = making.jpeg() + bytes([number]) * LARGE
    return files


def row(page: Page, name: str) -> Locator:
    return page.locator(".file-row").filter(has_text=name)


def title(page: Page, words: str, seconds: float = 60) -> None:
    expect(page.locator("[data-title]")).to_contain_text(words, timeout=seconds * 1000)


def album_of(page: Page) -> int:
    """The number of the album whose page this is."""
    return int(re.search(r"/albums/(\d+)/", page.url)[1])


def states(installation: Installation, page: Page) -> dict[str, int]:
    """Of the uploads to the page's album."""
    where = f"WHERE album_id = {album_of(page)}"
    return dict(installation.ask(f"SELECT state, count(*) FROM processing_upload {where} GROUP BY state"))


def wait_for(page: Page, condition: Callable[[], bool], what: str = "") -> None:
    """Wait while the page's events are heard: Playwright tells of them only while it is asked something."""

    def is_so() -> bool:
        page.evaluate("true")
        return condition()

    polling.until(is_so, 120, what)


def sendings(of: Page | BrowserContext) -> list[str]:
    """Where bytes of files are sent from now on: to the server, or to the bucket."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method in ("PATCH", "PUT"):
            sent.append(request.url.partition("?")[0])

    of.on("request", note)
    return sent
