"""A real Chromium on a real Darkroom. Every error or warning on the console fails the test.

The tests of a module share an installation. Each test has its own user, which sees no albums of other tests.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from tests import stack
from tests.browser import accounts
from tests.browser.accounts import Account
from tests.browser.gate import Gate
from tests.browser.recording import Proxy
from tests.installation import NAME, PASSWORD, Installation

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The headless shell draws only pages, without a browser window, and uses two thirds of the CPU time."""
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TIMEOUT_MS = 60_000
"""For each action and expectation. It only ends hung tests, because other tests run in parallel."""
expect.set_options(timeout=TIMEOUT_MS)
DESKTOP, PHONE = ViewportSize(width=1400, height=900), ViewportSize(width=390, height=844)
NETWORK_ERRORS = ("ERR_", "Failed to load resource", "htmx:")
PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[3] / "shared" / "photos"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Ends before tests without a browser: Django rejects their queries while Playwright's event loop runs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def bucket_proxy() -> Iterator[Proxy | None]:
    """The proxy between browsers and bucket, when the tests run on servers."""
    endpoint = stack.environment().get("S3_ENDPOINT")
    if not endpoint:
        yield None
        return
    with closing(Proxy(urlsplit(endpoint).port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def environment(bucket_proxy: Proxy | None) -> dict[str, str]:
    """The settings of the module's installation. Its time limits do not apply to bodies that a test holds."""
    settings = {"SWEEP_SECONDS": "1", "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    return settings | ({"S3_BROWSER_ENDPOINT": bucket_proxy.url} if bucket_proxy else {})


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("installation"), environment) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def restartable_installation(installation: Installation) -> Iterator[Installation]:
    """An installation whose server the test may kill. It is started again for the next test."""
    yield installation
    if "serve" not in installation.processes:
        installation.start("serve")


@pytest.fixture
def worker(installation: Installation) -> None:
    """A worker runs when the test begins."""
    if "run_huey" not in installation.processes:
        installation.start("run_huey")


@pytest.fixture
def no_worker(installation: Installation) -> None:
    """No worker runs when the test begins."""
    stop_worker(installation)


def stop_worker(installation: Installation) -> None:
    if "run_huey" in installation.processes:
        installation.stop("run_huey", seconds=200)


@pytest.fixture(scope="module")
def users(installation: Installation) -> list[Account]:
    """Users that no test has used yet; the first one is the administrator."""
    return accounts.create(installation)


@pytest.fixture(scope="module")
def administrator(users: list[Account]) -> Account:
    """The first user, an administrator."""
    return users[0]


@pytest.fixture
def account(users: list[Account]) -> Account:
    """A user for this test alone."""
    return users.pop()


@pytest.fixture
def console_errors() -> list[str]:
    """Errors and warnings of the console. A test that causes some on purpose clears the list."""
    return []


def clear_network_errors(console_errors: list[str]) -> None:
    """Assert that all console errors are network errors, which these tests cause, and clear them."""
    assert [error for error in console_errors if not any(marker in error for marker in NETWORK_ERRORS)] == []
    console_errors.clear()


@pytest.fixture
def gate(bucket_proxy: Proxy | None) -> Iterator[Gate]:
    """Holds uploads to the server and to the bucket."""
    gate = Gate()
    if bucket_proxy:
        bucket_proxy.gate = gate
    yield gate
    gate.close()
    if bucket_proxy:
        bucket_proxy.gate = Gate()


@pytest.fixture
def proxy(installation: Installation, gate: Gate) -> Iterator[Proxy]:
    """A proxy to the server that the test controls."""
    with closing(Proxy(installation.port, gate)) as proxy:
        yield proxy


@pytest.fixture
def address(installation: Installation, request: pytest.FixtureRequest) -> str:
    """The URL of the server for the browser: that of the proxy, if the test uses the proxy or its gate."""
    if {"gate", "proxy"} & set(request.fixturenames):
        return request.getfixturevalue("proxy").url
    return installation.url


class OpenPage(Protocol):
    """Opens a page in its own context, signed in as the test's user or as `user`; None means signed out."""

    def __call__(
        self, user: Account | None = ..., *, at: str = ..., records_console: bool = True, **options: Any
    ) -> Page: ...


@pytest.fixture
def open_page(chromium: Browser, address: str, account: Account, console_errors: list[str]) -> Iterator[OpenPage]:
    with ExitStack() as contexts:

        def open_one(
            user: Account | None = account, *, at: str = address, records_console: bool = True, **options: Any
        ) -> Page:
            defaults = {"viewport": DESKTOP, "base_url": at, "reduced_motion": "reduce"}
            context = chromium.new_context(**defaults | options)
            contexts.callback(context.close)
            context.set_default_timeout(TIMEOUT_MS)
            if user:
                user.sign_in(context, at)
            page = context.new_page()
            if records_console:
                record_console(page, console_errors)
            return page

        yield open_one
        assert console_errors == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A page of the test's user, signed in, without a URL."""
    return open_page()


def record_console(page: Page, console_errors: list[str]) -> None:
    def record(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            console_errors.append(f"{message.type}: {message.text}")

    page.on("console", record)
    page.on("pageerror", lambda error: console_errors.append(f"exception: {error}"))


def sign_in(page: Page, name: str = NAME) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/albums/")


def wait_for_script(page: Page) -> None:
    """Wait until the page's script has run: before that, keys do nothing."""
    page.wait_for_function("() => customElements.get('toast-list')")


def open_menu(page: Page) -> None:
    """Open the menu of an album page, which has Edit album, Trash and Delete."""
    page.locator(".album-head summary", has_text="More actions").click()


def new_album(page: Page, title: str = "Summer in the Alps") -> str:
    """Create an album, and return its URL."""
    page.goto("/albums/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/albums/*/")
    return page.url
