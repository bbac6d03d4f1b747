"""The limits page in a real browser: it measures through the proxy that stands before it."""

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accounts import Account
from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.looking import ensure_accessible
from tests.browser.test_pages import WIDTHS
from tests.installation import Installation
from tests.servers import Nginx

pytestmark = [
    *(pytest.mark.browser, pytest.mark.servers, pytest.mark.timeout(900)),
    pytest.mark.usefixtures("worker"),
]

HOLD_SECONDS = 8
"""A proxy that keeps bodies back delays the answer by this; the page takes three quarters of it for a sign of one."""
STREAMS = "proxy_request_buffering off; proxy_http_version 1.1;"
NO_LIMIT = "client_max_body_size 0;"
RUN = re.compile("^Run (check|again)$")
FOUND_MS = 240_000


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The server can wait for up to two thirds of BODY_IDLE_SECONDS: for silences, and before it reads a body."""
    return {"BODY_IDLE_SECONDS": "12", "SWEEP_SECONDS": "1"}


def open_limits(open_page: OpenPage, keeper: Account, url: str, *, script: bool = True) -> Page:
    page = open_page(keeper, at=url, java_script_enabled=script)
    page.goto("/limits/")
    return page


def measure(page: Page) -> None:
    page.get_by_role("button", name=RUN).click()
    expect(page.get_by_text("This page updates automatically.")).to_be_visible(timeout=FOUND_MS)
    expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=FOUND_MS)


def hold_longer(page: Page) -> None:
    """The product waits two seconds before it reads a body: too short to tell a proxy that waits from a busy machine."""
    page.locator("[data-hold]").evaluate(f"meter => meter.dataset.hold = {HOLD_SECONDS}")


def from_browser(page: Page) -> Locator:
    return page.get_by_role("region", name="From your browser")


def test_nginx_as_it_comes_makes_parts_smaller(open_page, keeper, installation, tmp_path, complaints) -> None:
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        page = open_limits(open_page, keeper, nginx.url)

        measure(page)

        expect(from_browser(page)).to_contain_text("accepts at most 1.0\xa0MB per request")
        expect(from_browser(page)).to_contain_text("In nginx: client_max_body_size 0;")
        expect(page.locator(".stat", has_text="Chunk size")).to_contain_text("1.0\xa0MB")
        page.context.close()
    assert complaints, "what did not pass is told on the console by the browser itself"
    complaints.clear()


def test_a_proxy_that_holds_bodies_back_is_told_from_one_that_does_not(
    open_page, keeper, installation, tmp_path
) -> None:
    with Nginx(tmp_path / "holds", installation.url, NO_LIMIT) as nginx:
        page = open_limits(open_page, keeper, nginx.url)
        hold_longer(page)
        measure(page)
        expect(from_browser(page)).to_contain_text("A proxy holds each request")
        page.context.close()

    with Nginx(tmp_path / "streams", installation.url, NO_LIMIT, STREAMS) as nginx:
        page = open_limits(open_page, keeper, nginx.url)
        hold_longer(page)
        measure(page)
        expect(from_browser(page)).to_contain_text("3 checks passed")
        expect(from_browser(page)).not_to_contain_text("A proxy holds each request")
        page.context.close()


def test_without_script_the_server_measures_alone(open_page, keeper, installation) -> None:
    page = open_limits(open_page, keeper, installation.url, script=False)

    page.get_by_role("button", name=RUN).click()

    expect(page.get_by_text("This page updates automatically.")).to_be_visible()
    expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=FOUND_MS)
    expect(from_browser(page)).to_have_count(0)
    expect(page.get_by_role("region", name="From the server")).to_be_visible()


def test_who_was_signed_out_meanwhile_is_told(open_page, keeper, installation, complaints) -> None:
    page = open_limits(open_page, keeper, installation.url)
    page.context.clear_cookies()

    page.get_by_role("button", name=RUN).click()

    expect(page.get_by_text("You're signed out. Reload the page to sign in.")).to_be_visible()
    expect(page.get_by_role("button", name=RUN)).to_be_enabled()
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_found_is_accessible_and_fits_every_screen(open_page, keeper, installation, tmp_path, scheme) -> None:
    stray(installation)
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        installation.manage("doctor", "--set", "--url", nginx.url, status=None)
    page = open_page(keeper, color_scheme=scheme, is_heard=False)
    page.goto("/limits/")
    for summary in page.locator(".passed > summary").all():
        summary.click()

    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        ensure_accessible(page, f"limits at {size['width']}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reclaiming_is_done_with_the_keyboard(open_page, keeper, installation) -> None:
    path = stray(installation)
    page = open_limits(open_page, keeper, installation.url)

    page.get_by_role("button", name="Free up").press("Enter")

    expect(page.get_by_text("Freed up")).to_be_visible()
    assert not path.exists()


def stray(installation: Installation) -> Path:
    """A file that nobody knows, old enough to be reclaimed and too young to be swept."""
    path = installation.data_dir / "incoming" / "left-behind"
    path.write_bytes(bytes(3 << 20))
    then = time.time() - 600
    os.utime(path, (then, then))
    return path
