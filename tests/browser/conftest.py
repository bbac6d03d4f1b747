"""A real Chromium on a real Darkroom. Whatever the console complains about fails the test.

The tests of a module share an installation. Each has a user of its own, who sees nothing of the other tests' albums.
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
"""The first draws pages only, not a browser's window around them, and takes two thirds of the processor time."""
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TIMEOUT_MS = 60_000
"""Of each action and expectation: for a hung test alone, since other tests run beside."""
expect.set_options(timeout=TIMEOUT_MS)
DESKTOP, PHONE = ViewportSize(width=1400, height=900), ViewportSize(width=390, height=844)
BROKEN = ("ERR_", "Failed to load resource", "htmx:")
PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[3] / "shared" / "photos"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def bucket_proxy() -> Iterator[Proxy | None]:
    """The browsers' way to the bucket, where the tests run on servers."""
    endpoint = stack.environment().get("S3_ENDPOINT")
    if not endpoint:
        yield None
        return
    with closing(Proxy(urlsplit(endpoint).port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def environment(bucket_proxy: Proxy | None) -> dict[str, str]:
    """The settings of the module's installation. A body that a test holds back is no idle one."""
    settings = {"SWEEP_SECONDS": "1", "BODY_IDLE_SECONDS": "600", "MIN_UPLOAD_RATE": "0"}
    return settings | ({"S3_BROWSER_ENDPOINT": bucket_proxy.url} if bucket_proxy else {})


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("installation"), environment) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def mortal(installation: Installation) -> Iterator[Installation]:
    """The test may kill its server. The next one finds it again."""
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
    """Who has not been anybody's account yet; the first may do everything."""
    return accounts.create(installation)


@pytest.fixture(scope="module")
def keeper(users: list[Account]) -> Account:
    """The first user, who may see and do everything."""
    return users[0]


@pytest.fixture
def account(users: list[Account]) -> Account:
    """A user of the test's own."""
    return users.pop()


@pytest.fixture
def complaints() -> list[str]:
    """What the console said. A test that means to cause some clears the list."""
    return []


def forgive(complaints: list[str]) -> None:
    """A browser complains of each connection that breaks, and these tests break them."""
    assert [said for said in complaints if not any(words in said for words in BROKEN)] == []
    complaints.clear()


@pytest.fixture
def gate(bucket_proxy: Proxy | None) -> Iterator[Gate]:
    """Holds uploads back, to the server and to the bucket."""
    gate = Gate()
    if bucket_proxy:
        bucket_proxy.gate = gate
    yield gate
    gate.close()
    if bucket_proxy:
        bucket_proxy.gate = Gate()


@pytest.fixture
def proxy(installation: Installation, gate: Gate) -> Iterator[Proxy]:
    """A way to the server that the test commands."""
    with closing(Proxy(installation.port, gate)) as proxy:
        yield proxy


@pytest.fixture
def address(installation: Installation, request: pytest.FixtureRequest) -> str:
    """Where the browser finds the server: through the proxy, if the test has one or its gate."""
    if {"gate", "proxy"} & set(request.fixturenames):
        return request.getfixturevalue("proxy").url
    return installation.url


class OpenPage(Protocol):
    """Opens a page in a context of its own. Its user is the test's unless another is given; None is nobody."""

    def __call__(self, who: Account | None = ..., *, at: str = ..., is_heard: bool = True, **options: Any) -> Page: ...


@pytest.fixture
def open_page(chromium: Browser, address: str, account: Account, complaints: list[str]) -> Iterator[OpenPage]:
    with ExitStack() as opened:

        def open_one(
            who: Account | None = account, *, at: str = address, is_heard: bool = True, **options: Any
        ) -> Page:
            usual = {"viewport": DESKTOP, "base_url": at, "reduced_motion": "reduce"}
            context = chromium.new_context(**usual | options)
            opened.callback(context.close)
            context.set_default_timeout(TIMEOUT_MS)
            if who:
                who.sign_in(context, at)
            page = context.new_page()
            if is_heard:
                listen(page, complaints)
            return page

        yield open_one
        assert complaints == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Signed in, nowhere yet."""
    return open_page()


def listen(page: Page, complaints: list[str]) -> None:
    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))


def sign_in(page: Page, name: str = NAME) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
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
