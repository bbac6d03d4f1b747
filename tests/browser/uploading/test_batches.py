"""The pages of batches, for a user that waits to format a memory card."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, OpenPage, new_album, stop_worker
from tests.browser.desk import pictures, send
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

NOTES: dict[str, object] = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
SAFE = "All 3 files are stored and verified: safe to format the card."

UNFINISHED_ROWS = ", ".join(f".file-row[data-state={state}]" for state in ("pending", "waiting", "sending"))


def batch_of(page: Page, files: list[dict[str, object]]) -> str:
    """Upload the files to a new album, open the page of their batch through links, and return its number."""
    new_album(page)
    send(page, files)
    expect(page.locator(".progress, .report__head").first).to_be_visible()  # a worker may already have finished
    expect(page.locator(UNFINISHED_ROWS)).to_have_count(0)  # leaving the page earlier would stop the upload
    page.get_by_role("link", name="Activity").click()
    page.locator(".entry a").first.click()
    page.wait_for_url("**/batches/*/")
    return page.url.split("/")[-2]


def receipt_text(page: Page) -> Locator:
    return page.locator("#receipt-text")


@pytest.mark.usefixtures("no_worker")
def test_the_page_says_that_the_card_may_be_formatted_without_a_reload(page: Page, installation: Installation) -> None:
    batch_of(page, pictures(3))
    page.evaluate("window.notReloaded = true")
    expect(receipt_text(page)).to_contain_text("3 are still processing. Do not format the card yet.")
    expect(page.get_by_text("no worker is running")).to_be_visible()

    installation.start("run_huey")

    expect(receipt_text(page)).to_have_text(SAFE)
    expect(page.locator("final-announcer")).to_have_text(SAFE)
    expect(page.locator(".file .frame__image")).to_have_count(3)
    expect(page.locator("[hx-trigger^=every]")).to_have_count(0)
    assert page.evaluate("window.notReloaded")


@pytest.mark.usefixtures("worker")
def test_images_are_not_replaced_while_the_page_polls(page: Page, installation: Installation) -> None:
    batch_of(page, [*pictures(1), NOTES])
    expect(receipt_text(page)).to_contain_text("1 of 2 is stored and verified. 1 failed.")
    stop_worker(installation)
    page.get_by_role("button", name="Retry notes.jpg").click()
    expect(receipt_text(page)).to_contain_text("1 is still processing")
    page.evaluate("for (const old of document.querySelectorAll('#batch, .file .frame__image')) old.dataset.old = ''")

    expect(page.locator("#batch[data-old]")).to_have_count(0)

    expect(page.locator(".file .frame__image[data-old]")).to_have_count(1)


@pytest.mark.usefixtures("worker")
def test_a_file_is_retried_and_the_remaining_cancelled_without_a_reload(page: Page, installation: Installation) -> None:
    batch_of(page, [*pictures(1), NOTES])
    expect(receipt_text(page)).to_contain_text("1 of 2 is stored and verified. 1 failed. Do not format the card yet.")
    stop_worker(installation)
    page.evaluate("window.notReloaded = true")

    page.get_by_role("button", name="Retry notes.jpg").click()
    expect(receipt_text(page)).to_contain_text("1 is still processing")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel remaining").click()

    expect(receipt_text(page)).to_contain_text("1 of 2 is stored and verified. 1 was cancelled.")
    assert page.evaluate("window.notReloaded")


@pytest.mark.usefixtures("worker")
def test_files_can_be_filtered_by_state(page: Page) -> None:
    batch_of(page, [*pictures(2), NOTES])
    expect(receipt_text(page)).to_contain_text("2 of 3 are stored and verified. 1 failed.")

    page.get_by_role("link", name="Failed 1").click()

    expect(page.locator(".file__name")).to_have_text(["notes.jpg"])
    expect(page.get_by_role("link", name="Failed 1")).to_have_attribute("aria-current", "true")


@pytest.mark.usefixtures("worker")
def test_the_receipt_can_be_downloaded(page: Page) -> None:
    batch = batch_of(page, pictures(3))
    expect(receipt_text(page)).to_have_text(SAFE)

    with page.expect_download() as csv_file:
        page.get_by_role("link", name="Receipt as CSV").click()
    with page.expect_download() as json_file:
        page.get_by_role("link", name="JSON").click()

    assert csv_file.value.suggested_filename == f"receipt-{batch}.csv"
    assert len(csv_file.value.path().read_text("utf-8-sig").splitlines()) == 4
    assert json.loads(json_file.value.path().read_text())["summary"] == SAFE


@pytest.mark.usefixtures("no_worker")
def test_the_batch_pages_work_without_javascript(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(viewport=PHONE, java_script_enabled=False)
    album = new_album(page)
    send(page, [*pictures(2), NOTES])
    page.get_by_role("link", name="View details").click()
    page.wait_for_url("**/batches/*/")
    installation.start("run_huey")

    # The page reloads until processing is complete.
    expect(receipt_text(page)).to_contain_text("2 of 3 are stored and verified. 1 failed.")
    stop_worker(installation)
    page.get_by_role("button", name="Retry failed file").click()
    expect(receipt_text(page)).to_contain_text("1 is still processing")
    page.get_by_role("button", name="Cancel remaining").click()
    expect(page.get_by_text("1 file will be deleted from the server.")).to_be_visible()
    page.get_by_role("button", name="Cancel uploads").click()
    expect(receipt_text(page)).to_contain_text("1 was cancelled")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete record").click()

    expect(page.get_by_role("heading", name="No uploads yet")).to_be_visible()
    page.goto(album)
    expect(page.locator(".tile")).to_have_count(2)


@pytest.mark.usefixtures("worker")
def test_the_list_can_be_filtered_with_its_form(page: Page) -> None:
    batch_of(page, pictures(1))
    new_album(page, "Winter")
    send(page, [NOTES])
    expect(page.locator(".report__head")).to_be_visible()
    page.get_by_role("link", name="Activity").click()
    expect(page.locator(".entry")).to_have_count(2)

    page.get_by_label("State").select_option("With problems")
    page.get_by_role("button", name="Filter").click()

    expect(page.locator(".entry__title")).to_have_text([re.compile(r"^Winter · upload \d+$")])
    page.get_by_role("link", name="Clear").click()
    expect(page.locator(".entry")).to_have_count(2)
