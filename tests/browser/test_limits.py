"""The limits page in a real browser: it measures through the proxy that stands before it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, listen, sign_in
from tests.browser.looking import ensure_accessible, unheard_page
from tests.browser.test_pages import WIDTHS
from tests.installation import Installation
from tests.servers import Nginx

pytestmark = [pytest.mark.browser, pytest.mark.servers]

STREAMS = "proxy_request_buffering off; proxy_http_version 1.1;"
NO_LIMIT = "client_max_body_size 0;"
FOUND_MS = 60_000


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Silences are tried for 2 seconds; so long the server reads nothing, to see whether somebody holds bodies back."""
    with Installation(
        tmp_path_factory.mktemp("limits"), {"BODY_IDLE_SECONDS": "3", "SWEEP_SECONDS": "1"}
    ) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


def open_limits(chromium: Browser, url: str, complaints: list[str], *, script: bool = True) -> Page:
    context = chromium.new_context(viewport=DESKTOP, base_url=url, reduced_motion="reduce", java_script_enabled=script)
    page = context.new_page()
    listen(page, complaints)
    sign_in(page)
    page.goto("/limits/")
    return page


def measure(page: Page) -> None:
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("This page shows the result by itself.")).to_be_visible(timeout=FOUND_MS)
    expect(page.get_by_role("button", name="Measure again")).to_be_visible(timeout=FOUND_MS)


def from_browser(page: Page) -> Locator:
    return page.get_by_role("region", name="From your browser")


def test_nginx_as_it_comes_makes_parts_smaller(chromium, installation, tmp_path, complaints) -> None:
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        page = open_limits(chromium, nginx.url, complaints)

        measure(page)

        expect(from_browser(page)).to_contain_text("takes at most 1.0\xa0MB a request")
        expect(from_browser(page)).to_contain_text("In nginx: client_max_body_size 0;")
        expect(page.locator(".figure", has_text="Sent at once")).to_contain_text("1.0\xa0MB")
        page.context.close()
    assert complaints, "what did not pass is told on the console by the browser itself"
    complaints.clear()


def test_a_proxy_that_holds_bodies_back_is_told_from_one_that_does_not(
    chromium, installation, tmp_path, complaints
) -> None:
    with Nginx(tmp_path / "holds", installation.url, NO_LIMIT) as nginx:
        page = open_limits(chromium, nginx.url, complaints)
        measure(page)
        expect(from_browser(page)).to_contain_text("A proxy keeps each request back")
        page.context.close()

    with Nginx(tmp_path / "streams", installation.url, NO_LIMIT, STREAMS) as nginx:
        page = open_limits(chromium, nginx.url, complaints)
        measure(page)
        expect(from_browser(page)).to_contain_text("3 found in order")
        expect(from_browser(page)).not_to_contain_text("A proxy keeps each request back")
        page.context.close()


def test_without_script_the_server_measures_alone(chromium, installation, complaints) -> None:
    page = open_limits(chromium, installation.url, complaints, script=False)

    page.get_by_role("button", name="Measure").click()

    expect(page.get_by_text("This page shows the result by itself.")).to_be_visible()
    expect(page.get_by_role("button", name="Measure again")).to_be_visible(timeout=FOUND_MS)
    expect(from_browser(page)).to_have_count(0)
    expect(page.get_by_role("region", name="From the server")).to_be_visible()
    page.context.close()


def test_who_was_signed_out_meanwhile_is_told(chromium, installation, complaints) -> None:
    page = open_limits(chromium, installation.url, complaints)
    page.context.clear_cookies()

    page.get_by_role("button", name="Measure").click()

    expect(page.get_by_text("You have been signed out. Reload the page.")).to_be_visible()
    expect(page.get_by_role("button", name="Measure")).to_be_enabled()
    page.context.close()
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_found_is_accessible_and_fits_every_screen(chromium, installation, tmp_path, scheme) -> None:
    stray(installation)
    with Nginx(tmp_path / "nginx", installation.url) as nginx:
        installation.manage("doctor", "--set", "--url", nginx.url, status=None)
    with unheard_page(chromium, installation, DESKTOP, scheme) as page:
        sign_in(page)
        page.goto("/limits/")
        for summary in page.locator(".fine > summary").all():
            summary.click()

        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            ensure_accessible(page, f"limits at {size['width']}")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reclaiming_is_done_with_the_keyboard(chromium, installation, complaints) -> None:
    path = stray(installation)
    page = open_limits(chromium, installation.url, complaints)

    page.get_by_role("button", name="Reclaim").press("Enter")

    expect(page.get_by_text("Reclaimed")).to_be_visible()
    assert not path.exists()
    page.context.close()


def stray(installation: Installation) -> Path:
    """A file that nobody knows, old enough to be reclaimed and too young to be swept."""
    path = installation.data_dir / "incoming" / "left-behind"
    path.write_bytes(bytes(3 << 20))
    then = time.time() - 600
    os.utime(path, (then, then))
    return path
