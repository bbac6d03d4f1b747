"""The desk by its handles: files to choose, ways to hand them over, and what it says of them."""

import re

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

from tests.installation import Installation
from tests.processing import making

UPLOADS = re.compile(r"/uploads/[0-9a-f-]{36}/$")
LARGE = 400_000


def pictures(count: int, size: tuple[int, int] = (900, 600), name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    return [
        {"name": name.format(number), "mimeType": "image/jpeg", "buffer": making.jpeg(size)}
        for number in range(1, count + 1)
    ]


def choose(page: Page, files: object) -> None:
    """By the desk, or without a script by the form."""
    chooser = "#desk-photos" if page.locator("[data-desk]").is_visible() else "#upload-photos"
    page.locator(chooser).set_input_files(files)  # type: ignore[arg-type]


def send(page: Page, files: object) -> None:
    choose(page, files)
    page.get_by_role("button", name="Send").click()


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
            if (name === "dragover") window.curtainWasShown = !document.querySelector("[data-curtain]").hidden;
          }
        }""",
        [count, on],
    )


def large(count: int, name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    """Files that take a while on a slow line."""
    files = pictures(count, name=name)
    for number, file in enumerate(files):
        file["buffer"] = making.jpeg() + bytes([number]) * LARGE
    return files


def slow_down(page: Page, bytes_per_second: int = 400_000) -> None:
    devtools = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    devtools.send("Network.emulateNetworkConditions", slow)


def row(page: Page, name: str) -> Locator:
    return page.locator(".pick").filter(has_text=name)


def title(page: Page, words: str, seconds: float = 30) -> None:
    expect(page.locator("[data-title]")).to_contain_text(words, timeout=seconds * 1000)


def states(installation: Installation) -> dict[str, int]:
    return dict(installation.ask("SELECT state, count(*) FROM processing_upload GROUP BY state"))


def sendings(of: Page | BrowserContext) -> list[str]:
    """Where bytes of files are sent from now on: to the server, or to the bucket."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method in ("PATCH", "PUT"):
            sent.append(request.url.partition("?")[0])

    of.on("request", note)
    return sent
