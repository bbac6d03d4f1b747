"""A real Chromium on a real Darkroom. Whatever the console complains about fails the test."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from tests.browser.recording import Proxy
from tests.installation import NAME, PASSWORD, Installation

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
expect.set_options(timeout=20_000)  # other tests run beside
DESKTOP, PHONE = ViewportSize(width=1400, height=900), ViewportSize(width=390, height=844)
BROKEN = ("ERR_", "Failed to load resource", "htmx:")
PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[3] / "shared" / "photos"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Installation(tmp_path, {"SWEEP_SECONDS": "1"}) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the console said. A test that means to cause some clears the list."""
    said: list[str] = []
    yield said
    assert said == []


def forgive(complaints: list[str]) -> None:
    """A browser complains of each connection that breaks, and these tests break them."""
    assert [said for said in complaints if not any(words in said for words in BROKEN)] == []
    complaints.clear()


@pytest.fixture
def proxy(installation: Installation) -> Iterator[Proxy]:
    """A way to the server that the test commands."""
    with closing(Proxy(installation.port)) as proxy:
        yield proxy


@pytest.fixture
def address(installation: Installation) -> str:
    """Where the browser finds the server."""
    return installation.url


@pytest.fixture
def context(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport=DESKTOP, base_url=address, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Page:
    """Signed in, on the list of albums."""
    page = context.new_page()
    listen(page, complaints)
    sign_in(page)
    return page


def listen(page: Page, complaints: list[str]) -> None:
    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/albums/")


def new_album(page: Page, title: str = "Summer in the Alps") -> str:
    """Its path."""
    page.goto("/albums/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/albums/*/")
    return page.url
