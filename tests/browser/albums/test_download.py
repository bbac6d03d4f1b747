"""Downloading an album as a ZIP file, as a user does it."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from tests import polling
from tests.browser.conftest import PHONE, OpenPage, clear_network_errors, new_album, open_menu, stop_worker
from tests.browser.desk import album_of, pictures, send
from tests.browser.looking import SCHEMES, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

LARGE_BYTES = 17 << 20
"""Two such files are more than a request reads itself (albums/download/readiness.py)."""


def fill(page: Page, files: list[dict[str, object]], installation: Installation) -> str:
    """Upload photos to a new album, wait until they have been read back, and return its URL."""
    address = new_album(page)
    send(page, files)
    expect(page.locator(".report")).to_contain_text(f"{len(files)} photos added")
    unread = f"SELECT count(*) FROM albums_photo WHERE crc32 IS NULL AND album_id = {album_of(page)}"
    polling.until(lambda: installation.ask(unread) == [(0,)], 120, what="photos are not read back")
    return address


def contents(download: Download) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(Path(download.path()).read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def ensure_accessible_in_both_schemes(page: Page, name: str) -> None:
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        ensure_accessible(page, f"{name}, {scheme}")


@pytest.mark.usefixtures("worker")
def test_an_album_is_downloaded_by_mouse_keyboard_and_touch(
    page: Page, open_page: OpenPage, installation: Installation
) -> None:
    files = pictures(2)
    address = fill(page, files, installation)
    originals = {str(file["name"]): file["buffer"] for file in files}

    page.goto(address)
    open_menu(page)
    page.get_by_role("link", name="Download album").click()
    ensure_accessible_in_both_schemes(page, "choose")
    with page.expect_download() as by_mouse:
        page.get_by_role("button", name="Download").click()
    assert by_mouse.value.suggested_filename == "Summer in the Alps.zip"
    assert contents(by_mouse.value) == originals

    page.get_by_role("radio", name="Originals").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    with page.expect_download() as by_keyboard:
        page.keyboard.press("Enter")
    assert by_keyboard.value.suggested_filename == "Summer in the Alps (2560 px).zip"
    assert contents(by_keyboard.value).keys() == {"IMG_0001.webp", "IMG_0002.webp"}

    phone = open_page(viewport=PHONE, has_touch=True, is_mobile=True, java_script_enabled=False)
    phone.goto(address)
    phone.locator(".album-head summary", has_text="More actions").tap()
    phone.get_by_role("link", name="Download album").tap()
    with phone.expect_download() as by_touch:
        phone.get_by_role("button", name="Download").tap()
    assert contents(by_touch.value) == originals


@pytest.mark.usefixtures("worker")
def test_a_download_that_has_to_be_prepared_starts_when_it_is_ready(
    page: Page, open_page: OpenPage, installation: Installation, console_errors: list[str]
) -> None:
    files = pictures(2)
    for file in files:
        file["buffer"] += bytes(LARGE_BYTES)  # type: ignore[operator]
    address = fill(page, files, installation)
    stop_worker(installation)
    installation.change(f"UPDATE albums_photo SET crc32 = NULL WHERE album_id = {album_of(page)}")
    no_script_page = open_page(viewport=PHONE, java_script_enabled=False)

    for waiting in (page, no_script_page):
        waiting.goto(f"{address}download/")
        waiting.get_by_role("button", name="Download").click()
        expect(waiting.get_by_role("heading", name="Preparing download")).to_be_visible()
        expect(waiting.get_by_text("Checked 0 of 2 files")).to_be_visible()
        expect(waiting.get_by_text("no worker is running")).to_be_visible()
    ensure_accessible_in_both_schemes(page, "preparing")  # the other page reloads itself
    with page.expect_download() as download, no_script_page.expect_download() as no_script_download:
        installation.start("run_huey")
        expect(page.get_by_role("heading", name="Download ready")).to_be_visible()

    originals = {str(file["name"]): file["buffer"] for file in files}
    assert contents(download.value) == contents(no_script_download.value) == originals
    ensure_accessible_in_both_schemes(page, "ready")
    clear_network_errors(console_errors)  # the first response is a 503 with the page that waits
