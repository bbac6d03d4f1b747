"""Uploads resume after a reload, with or without file handles, and in another browser of the same user."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, clear_network_errors, new_album, stop_worker
from tests.browser.desk import (
    WAIT_LONG,
    choose_folder,
    expect_title,
    large,
    pictures,
    send,
    states,
)
from tests.browser.gate import Gate
from tests.browser.looking import ensure_accessible
from tests.browser.recording import Proxy, resent
from tests.browser.uploading.resuming.conftest import begin, expect_all_sent, fall_silent, wait_for_bytes
from tests.installation import Installation

# Uploads through the server; test_direct.py tests those straight to a bucket.
pytestmark = [
    *(pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded),
    pytest.mark.usefixtures("no_worker"),  # a page stops listing the files of a batch that was processed
]

PICK_STORED_FILES = """window.showOpenFilePicker = async () => {
  const folder = await navigator.storage.getDirectory();
  return Promise.all(Array.from({ length: 6 }, async (_, n) => {
    const handle = await folder.getFileHandle(`IMG_${n + 1}.JPG`, { create: true });
    if (!(await handle.getFile()).size) {
      const writer = await handle.createWritable();
      await writer.write(new Uint8Array(300_000).fill(n));
      await writer.close();
    }
    return handle;
  }));
}"""
"""The browser's dialog returns files of its private file system, which have real handles."""


PICK_PRIVATE_FILES = """window.showOpenFilePicker = async () => {
  const folder = await navigator.storage.getDirectory();
  return Promise.all([1, 2, 3, 4].map(async (number) => {
    const handle = await folder.getFileHandle(`NEXT_${number}.PNG`, { create: true });
    const canvas = Object.assign(document.createElement("canvas"), { width: 40 + number, height: 40 });
    canvas.getContext("2d").fillRect(0, 0, number, number);
    const writer = await handle.createWritable();
    await writer.write(await new Promise((done) => canvas.toBlob(done, "image/png")));
    await writer.close();
    return handle;
  }));
}"""


@pytest.mark.smoke
def test_files_selected_again_after_a_reload_resume_where_they_stopped(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")

    send(page, files)
    proxy.gate.release()

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 9}
    clear_network_errors(console_errors)


def test_with_file_handles_the_upload_resumes_automatically_after_a_reload(
    page: Page, proxy: Proxy, installation: Installation, console_errors: list[str]
) -> None:
    page.add_init_script(PICK_STORED_FILES)
    new_album(page)
    proxy.gate.hold_at(700_000)
    page.evaluate(WAIT_LONG)
    page.get_by_role("link", name="Add photos").click()
    wait_for_bytes(proxy.gate, 700_000)

    page.reload()
    proxy.gate.release()

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 6}
    clear_network_errors(console_errors)


def test_files_that_had_arrived_before_a_reload_are_counted_after_it(
    page: Page, gate: Gate, console_errors: list[str]
) -> None:
    page.add_init_script(PICK_STORED_FILES)
    new_album(page)
    gate.hold(after_requests=2)
    page.evaluate(WAIT_LONG)
    page.get_by_role("link", name="Add photos").click()
    expect(page.locator(".file-row[data-state=received]")).to_have_count(2)
    expect_title(page, "Uploading 6 photos: 2 of 6 uploaded")

    page.reload()

    expect_title(page, "Uploading 6 photos: 2 of 6 uploaded")
    expect(page.locator(".progress__bytes")).to_contain_text("Uploaded 2 of 6")
    gate.release()
    expect_title(page, "Upload complete: 6 uploaded")
    clear_network_errors(console_errors)


def test_chosen_folders_outlive_a_reload_by_name(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    """Playwright chooses files without handles, as browsers without them do."""
    address = new_album(page)
    page.on("dialog", lambda dialog: dialog.accept())  # it asks before it leaves
    choose_folder(page, folder)
    expect_title(page, "9 photos selected")
    other_tab = page.context.new_page()
    other_tab.goto(address)
    send(other_tab, pictures(1, name="OTHER.JPG"))
    expect_title(other_tab, "Upload complete")
    assert other_tab.locator(".file-row").count() == 1  # the first tab still has the others
    other_tab.close()

    page.reload()

    notice = page.locator("[data-resume-text]")
    expect(notice).to_have_text(
        "Not uploaded yet: IMG_0001.JPG, IMG_0002.JPG, IMG_0003.JPG, IMG_0004.JPG, IMG_0005.JPG and 4 more."
        " Select these files again."
    )
    expect(page.get_by_role("button", name="Select again")).to_have_attribute("data-action", "folder")
    expect(page.locator(".file-row[data-state=missing]")).to_have_count(9)
    ensure_accessible(page, "chosen before a reload")
    choose_folder(page, folder)
    expect(page.get_by_text("A new album per folder")).to_be_visible()
    page.get_by_role("button", name="Upload 9 photos").click()
    expect(notice).to_be_hidden()
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(10)
    stop_worker(installation)
    clear_network_errors(console_errors)


def test_files_with_handles_are_queued_again_after_a_reload(
    page: Page, proxy: Proxy, installation: Installation, console_errors: list[str]
) -> None:
    """The origin's private files have real handles; only the file dialog is replaced."""
    page.add_init_script(PICK_PRIVATE_FILES)
    new_album(page)
    page.on("dialog", lambda dialog: dialog.accept())
    files = large(3)
    proxy.gate.hold()
    send(page, files)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.get_by_role("link", name="Add photos").click()
    expect(page.locator("[data-next-text]")).to_contain_text("4 photos")

    page.reload()

    expect(page.locator("[data-next-text]")).to_contain_text("4 photos")
    expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted: 3 of 7 left")
    proxy.gate.release()
    send(page, files)
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(7)
    stop_worker(installation)
    clear_network_errors(console_errors)


def test_another_browser_of_the_same_user_can_resume_the_upload(
    page: Page, open_page: OpenPage, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.close()
    other_page = open_page()
    with other_page.expect_response("**/uploads/manifest/"):  # the page asks what the server expects
        other_page.goto(address)
    with other_page.expect_response("**/uploads/status/**"):
        pass
    expect(other_page.locator("[data-resume-text]")).to_be_hidden()  # the upload may be a healthy one

    fall_silent(installation, other_page)
    expect(other_page.locator("[data-resume-text]")).to_contain_text("of 9 uploaded from another device")
    send(other_page, files)
    proxy.gate.release()

    expect_all_sent(other_page)
    assert resent(proxy.patches) == []
    assert states(installation, other_page) == {"received": 9}
    clear_network_errors(console_errors)


def test_files_that_another_browser_uploaded_are_not_asked_for_after_a_reload(
    page: Page, open_page: OpenPage, proxy: Proxy, folder: Path, console_errors: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")
    other_page = open_page()
    other_page.goto(address)
    send(other_page, files)
    proxy.gate.release()
    expect_all_sent(other_page)

    expect(page.locator("[data-resume-text]")).to_be_hidden()

    expect_title(page, "Upload complete")
    clear_network_errors(console_errors)
