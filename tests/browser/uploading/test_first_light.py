"""From the upload form to the album, as a user does it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import polling
from tests.browser.conftest import PHOTOS, OpenPage, clear_network_errors, new_album, stop_worker
from tests.browser.desk import album_of, choose_folder, drop, expect_title, pictures, send
from tests.browser.looking import ensure_announced, ensure_images_loaded, record_announcements
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.mark.smoke
@pytest.mark.usefixtures("no_worker")
def test_uploaded_photos_appear_in_the_album_without_a_reload(page: Page, installation: Installation) -> None:
    new_album(page)
    page.evaluate("window.notReloaded = true")

    send(page, pictures(5))
    expect(page.get_by_text("Processing photos")).to_be_visible()
    expect(page.locator("#upload-photos")).to_have_count(0)
    expect(page.locator(".progress__count")).to_contain_text("0 of 5")

    installation.start("run_huey")
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.locator(".report")).to_contain_text("5 photos added")
    expect(page.locator("#upload-photos")).to_have_count(1)
    assert page.evaluate("window.notReloaded") is True
    ensure_images_loaded(page)


@pytest.mark.usefixtures("worker")
def test_the_panel_stops_polling_when_no_job_is_left(page: Page) -> None:
    page.clock.install()
    new_album(page)
    send(page, pictures(2))
    expect(page.locator(".report")).to_contain_text("2 photos added")
    expect(page.locator("#upload-panel[data-busy]:not([data-busy=''])")).to_have_count(0)
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))

    page.clock.run_for(60_000)

    assert [url for url in polls if "/status/" in url] == []


@pytest.mark.usefixtures("no_worker")
def test_photos_are_processed_after_the_browser_is_closed(
    page: Page, open_page: OpenPage, installation: Installation
) -> None:
    address = new_album(page)
    send(page, pictures(8))
    expect(page.locator("[data-title]")).to_contain_text("Upload complete")
    jobs = f"SELECT count(*) FROM processing_processingjob WHERE album_id = {album_of(page)} AND state = "
    page.context.close()
    installation.start("run_huey")
    polling.until(lambda: installation.ask(f"{jobs} 'completed'") == [(8,)], 120, "no worker processes them")

    later_page = open_page()
    later_page.goto(address)

    expect(later_page.locator(".tile")).to_have_count(8)
    expect(later_page.locator("#upload-panel")).to_have_attribute("data-busy", "")


@pytest.mark.usefixtures("no_worker")
def test_the_panel_recovers_when_the_server_is_reachable_again(
    page: Page, restartable_installation: Installation, console_errors: list[str]
) -> None:
    installation = restartable_installation
    new_album(page)
    send(page, pictures(3))
    expect(page.locator(".progress__count")).to_contain_text("0 of 3")
    installation.kill("serve")
    message = page.locator("[data-connection-text], connection-status").filter(has_text="Can\u2019t reach the server")
    expect(message.filter(visible=True)).to_have_count(1)
    expect(page.locator(".progress__count")).to_contain_text("0 of 3")

    installation.start("serve")
    installation.start("run_huey")

    expect(page.locator(".report")).to_contain_text("3 photos added")
    expect(page.locator(".tile")).to_have_count(3)
    clear_network_errors(console_errors)


@pytest.mark.usefixtures("worker")
def test_failed_files_are_reviewed_retried_and_dismissed(page: Page, installation: Installation) -> None:
    album = new_album(page)
    notes = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"Dear diary, this is no picture."}
    empty = {"name": "empty.jpg", "mimeType": "image/jpeg", "buffer": b""}
    send(page, [*pictures(1), notes, empty])

    expect(page.locator(".report")).to_contain_text("1 photo added, 2 problems")
    page.get_by_role("link", name="Review").click()
    expect(page.locator(".file").filter(has_text="notes.jpg")).to_contain_text("not-an-image")
    expect(page.locator(".file").filter(has_text="empty.jpg")).to_contain_text("empty")

    stop_worker(installation)
    page.get_by_role("button", name="Retry notes.jpg").click()
    expect(page.locator("#receipt-text")).to_contain_text("1 is still processing")
    page.goto(album)
    expect(page.locator(".progress__count")).to_contain_text("1 of 2")
    installation.start("run_huey")
    expect(page.locator(".report")).to_contain_text("2 problems")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".report")).to_have_count(0)
    condition = f"WHERE album_id = {album_of(page)} AND state = 'cancelled'"
    assert installation.ask(f"SELECT original_filename FROM processing_processingjob {condition}") == [("notes.jpg",)]


@pytest.mark.usefixtures("no_worker")
def test_the_remaining_jobs_can_be_cancelled(page: Page, console_errors: list[str]) -> None:
    new_album(page)
    send(page, pictures(4))
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator(".progress__count")).to_contain_text("0 of 4")

    page.get_by_role("region", name="Uploads").get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Cancel remaining").click()

    expect(page.locator("#upload-photos")).to_have_count(1)
    expect(page.locator(".report")).to_contain_text("4 cancelled")
    clear_network_errors(console_errors)  # the button may abort a poll


@pytest.mark.usefixtures("no_worker")
def test_opened_details_stay_open_when_the_panel_is_replaced(page: Page) -> None:
    new_album(page)
    send(page, pictures(2))
    expect(page.locator(".progress__count")).to_contain_text("0 of 2")
    page.get_by_role("region", name="Uploads").get_by_text("More", exact=True).click()
    page.evaluate("document.querySelector('#upload-panel').dataset.old = ''")

    expect(page.locator("#upload-panel[data-old]")).to_have_count(0)

    expect(page.locator(".progress__current")).to_be_visible()


@pytest.mark.usefixtures("no_worker")
def test_files_can_be_dropped_anywhere_on_the_page(page: Page, installation: Installation) -> None:
    new_album(page)

    drop(page, 3, selector="footer, main, body")

    assert page.evaluate("window.overlayWasShown") is True
    expect_title(page, "Upload complete: 3 uploaded")
    jobs = f"SELECT state FROM processing_processingjob WHERE album_id = {album_of(page)}"
    assert installation.ask(jobs) == [("pending",)] * 3


@pytest.mark.usefixtures("no_worker")
def test_a_file_of_a_selected_folder_can_be_removed(page: Page, tmp_path: Path) -> None:
    new_album(page)
    choose_folder(page, tmp_path, pictures(3))

    page.get_by_role("button", name="Remove IMG_0002.JPG").click()

    expect(page.get_by_text("2 photos selected")).to_be_visible()
    page.get_by_role("button", name="Upload 2 photos").click()
    expect(page.locator(".progress__count")).to_contain_text("of 2")


def test_the_number_of_batches_for_more_files_than_one_takes_is_shown(page: Page, tmp_path: Path) -> None:
    new_album(page)

    choose_folder(page, tmp_path, pictures(501, (8, 8)))

    expect(page.get_by_text("Uploads in 2 batches of up to 500.")).to_be_visible()
    expect(page.get_by_role("button", name="Upload 501 photos")).to_be_visible()


@pytest.mark.usefixtures("no_worker")
def test_a_second_page_shows_why_the_album_is_locked(page: Page, open_page: OpenPage) -> None:
    address = new_album(page)
    second = open_page()
    second.goto(address)
    send(page, pictures(2))
    expect(page.locator(".progress__count")).to_contain_text("0 of 2")

    send(second, pictures(1, name="LATE_{}.JPG"))

    expect(second.get_by_text("It uploads automatically next.")).to_be_visible()
    expect(second.locator(".progress__count")).to_contain_text("0 of 2")
    expect(second.locator(".file-row")).to_contain_text("LATE_1.JPG")


@pytest.mark.usefixtures("no_worker")
def test_progress_and_speed_of_the_upload_are_shown(page: Page) -> None:
    new_album(page)
    devtools = page.context.new_cdp_session(page)
    network = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow_rate = 30_000  # bytes per second: the file would take longer than the test's time limit
    devtools.send("Network.emulateNetworkConditions", network | {"uploadThroughput": slow_rate})
    large_file = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": making.jpeg() + bytes(400 * slow_rate)}

    send(page, [large_file])

    expect(page.locator("[data-detail]")).to_contain_text("KB/s")
    expect(page.locator(".file-row__status")).to_contain_text("uploading")
    expect(page.locator(".file-row__bar")).not_to_have_js_property("value", 0)
    expect(page.locator("#batch-progress")).not_to_have_js_property("value", 0)
    devtools.send("Network.emulateNetworkConditions", network | {"uploadThroughput": -1})
    expect(page.locator("[data-title]")).to_contain_text("Upload complete")
    expect(page.locator(".progress__count")).to_contain_text("of 1")


@pytest.mark.usefixtures("no_worker")
def test_the_form_and_the_panel_work_without_javascript(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(java_script_enabled=False)
    new_album(page)

    send(page, pictures(2))
    expect(page.locator(".progress__count")).to_contain_text("0 of 2")
    installation.start("run_huey")

    expect(page.locator(".report")).to_contain_text("2 photos added")
    expect(page.locator(".tile")).to_have_count(2)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".report")).to_have_count(0)


def test_an_empty_form_is_explained_without_javascript(open_page: OpenPage, console_errors: list[str]) -> None:
    page = open_page(java_script_enabled=False)
    new_album(page)

    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("alert")).to_contain_text("Select at least one photo")
    clear_network_errors(console_errors)


@pytest.mark.usefixtures("worker")
def test_photos_can_be_viewed_and_browsed_with_the_keyboard(page: Page) -> None:
    new_album(page)
    send(page, pictures(3))
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".report")).to_contain_text("3 photos added")

    page.locator(".tile a").first.click()
    expect(page.get_by_text("IMG_0001.JPG").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("IMG_0002.JPG").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download original").click()

    assert download.value.suggested_filename == "IMG_0002.JPG"


@pytest.mark.usefixtures("worker")
def test_screen_readers_announce_the_end_of_processing(page: Page) -> None:
    new_album(page, "Voice")
    announcements = record_announcements(page)

    send(page, pictures(3, name="VOICE_{}.JPG"))
    expect(page.locator(".report__head")).to_be_visible()

    ensure_announced(page, announcements, "Done. 3 photos added.")
    assert announcements[-1] == "Done. 3 photos added."
    assert len(announcements) == len(set(announcements))


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
@pytest.mark.usefixtures("worker")
def test_all_shared_photos_become_photos_or_are_rejected_by_name(page: Page, installation: Installation) -> None:
    entries = json.loads((PHOTOS / "manifest.json").read_text(encoding="utf-8"))["entries"]
    new_album(page)

    send(page, [PHOTOS / entry["path"] for entry in entries])
    expect(page.locator(".report__head")).to_be_visible(timeout=900_000)

    tiles = set(page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)"))
    accepted_count = page.locator(".tile").count()
    page.get_by_role("link", name="Review").click()
    reported_names = page.locator(".file--bad .file__name, .file:has(.badge--plain) .file__name").all_inner_texts()
    for entry in entries:
        name = entry["path"].split("/")[-1]
        if entry["expected"] == "accept":
            assert name not in reported_names
        if entry["expected"] == "reject":
            assert name in reported_names
    accepted = sum(entry["expected"] == "accept" for entry in entries)
    assert accepted <= accepted_count == len(entries) - len(reported_names)
    assert tiles
    report = json.loads(installation.manage("verify", "--json").stdout)
    assert (report["missing"], report["corrupt"], report["orphans"]) == ([], [], [])
