"""The limits page in a real browser, which measures through a real proxy."""

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
"""A proxy that buffers bodies delays the response by this; the page detects one at three quarters of it."""
STREAMS = "proxy_request_buffering off; proxy_http_version 1.1;"
NO_LIMIT = "client_max_body_size 0;"
RUN = re.compile("^Run (check|again)$")
MEASURED_MS = 240_000


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The server can wait for up to two thirds of BODY_IDLE_SECONDS during pauses, and before it reads a body."""
    return {"BODY_IDLE_SECONDS": "12", "SWEEP_SECONDS": "1"}


def open_limits(open_page: OpenPage, administrator: Account, url: str, *, script: bool = True) -> Page:
    page = open_page(administrator, at=url, java_script_enabled=script)
    page.goto("/limits/")
    return page


def measure(page: Page) -> None:
    page.get_by_role("button", name=RUN).click()
    expect(page.get_by_text("This page updates automatically.")).to_be_visible(timeout=MEASURED_MS)
    expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=MEASURED_MS)


def hold_longer(page: Page) -> None:
    """Wait longer than the product's two seconds: within these, a busy machine looks like a proxy that buffers."""
    page.locator("[data-hold]").evaluate(f"meter => meter.dataset.hold = {HOLD_SECONDS}")


def from_browser(page: Page) -> Locator:
    return page.get_by_role("region", name="From your browser")


def test_nginx_with_default_settings_reduces_the_chunk_size(
    open_page, administrator, installation, tmp_path, console_errors
) -> None:
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        page = open_limits(open_page, administrator, nginx.url)

        measure(page)

        expect(from_browser(page)).to_contain_text("accepts at most 1.0\xa0MB per request")
        expect(from_browser(page)).to_contain_text("In nginx: client_max_body_size 0;")
        expect(page.locator(".stat", has_text="Chunk size")).to_contain_text("1.0\xa0MB")
        page.context.close()
    assert console_errors, "what did not pass is told on the console by the browser itself"
    console_errors.clear()


def test_a_proxy_that_buffers_bodies_is_distinguished_from_one_that_does_not(
    open_page, administrator, installation, tmp_path
) -> None:
    with Nginx(tmp_path / "holds", installation.url, NO_LIMIT) as nginx:
        page = open_limits(open_page, administrator, nginx.url)
        hold_longer(page)
        measure(page)
        expect(from_browser(page)).to_contain_text("A proxy holds each request")
        page.context.close()

    with Nginx(tmp_path / "streams", installation.url, NO_LIMIT, STREAMS) as nginx:
        page = open_limits(open_page, administrator, nginx.url)
        hold_longer(page)
        measure(page)
        expect(from_browser(page)).to_contain_text("3 checks passed")
        expect(from_browser(page)).not_to_contain_text("A proxy holds each request")
        page.context.close()


def test_without_javascript_only_the_server_measures(open_page, administrator, installation) -> None:
    page = open_limits(open_page, administrator, installation.url, script=False)

    page.get_by_role("button", name=RUN).click()

    expect(page.get_by_text("This page updates automatically.")).to_be_visible()
    expect(page.get_by_role("button", name="Run again")).to_be_visible(timeout=MEASURED_MS)
    expect(from_browser(page)).to_have_count(0)
    expect(page.get_by_role("region", name="From the server")).to_be_visible()


def test_a_user_who_was_signed_out_sees_a_message(open_page, administrator, installation, console_errors) -> None:
    page = open_limits(open_page, administrator, installation.url)
    page.context.clear_cookies()

    page.get_by_role("button", name=RUN).click()

    expect(page.get_by_text("You're signed out. Reload the page to sign in.")).to_be_visible()
    expect(page.get_by_role("button", name=RUN)).to_be_enabled()
    console_errors.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_results_are_accessible_and_fit_every_screen(
    open_page, administrator, installation, tmp_path, scheme
) -> None:
    create_stray_file(installation)
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        installation.manage("doctor", "--set", "--url", nginx.url, status=None)
    page = open_page(administrator, color_scheme=scheme, records_console=False)
    page.goto("/limits/")
    for summary in page.locator(".passed > summary").all():
        summary.click()

    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        ensure_accessible(page, f"limits at {size['width']}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_space_can_be_freed_with_the_keyboard(open_page, administrator, installation) -> None:
    path = create_stray_file(installation)
    page = open_limits(open_page, administrator, installation.url)

    page.get_by_role("button", name="Free up").press("Enter")

    expect(page.get_by_text("Freed up")).to_be_visible()
    assert not path.exists()


def create_stray_file(installation: Installation) -> Path:
    """Create a file without a row, old enough to be reclaimed and too young to be swept."""
    path = installation.data_dir / "incoming" / "left-behind"
    path.write_bytes(bytes(3 << 20))
    modified_at = time.time() - 600
    os.utime(path, (modified_at, modified_at))
    return path
