"""A whole journey, from signing in to a repaired upload, with the keyboard alone and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accounts import Account
from tests.browser.conftest import PHONE, OpenPage
from tests.browser.desk import pictures
from tests.browser.looking import ensure_accessible
from tests.installation import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

MAX_STEPS = 80
"""Controls between the focus and the one that is meant. A trap would take more."""
WITHOUT_FILE_ACCESS = "delete window.showOpenFilePicker; delete window.showDirectoryPicker"
"""As in Firefox and Safari: the file picker is that of an <input>, which Playwright can fill in."""
FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return { name: "" }; // at the end of the page or of a dialog
  const label = element.labels?.[0]?.innerText ?? element.ariaLabel ?? element.querySelector("img")?.alt;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  return {
    html: element.outerHTML.slice(0, 300),
    name: (label || element.innerText || "").trim(),
    isVisible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
  };
}"""
TO_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
}"""
"""Without a reload, which would remove the toasts."""
BROKEN = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0" + b"no picture" * 9}


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Move the focus by the key to the control of this name. Each stop on the way must be visible."""
    reached = []
    for _ in range(MAX_STEPS):
        page.keyboard.press(key)
        focused = page.evaluate(FOCUSED)
        reached.append(focused["name"])
        if focused["name"]:
            assert focused["isVisible"], f"The focus on {focused['name']!r} cannot be seen: {focused['html']}"
        if re.fullmatch(name, focused["name"]):
            return
    raise AssertionError(f"{name!r} is not among {reached}")


def press(page: Page, name: str, key: str = "Tab") -> None:
    tab_to(page, name, key)
    page.keyboard.press("Enter")


def open_photos(page: Page) -> None:
    """Move the focus to the first photo by the skip link."""
    page.evaluate(TO_TOP)
    press(page, "Skip to photos")
    expect(page.locator("#photo-grid")).to_be_focused()
    page.keyboard.press("Tab")


def test_a_whole_journey_needs_only_the_keyboard(open_page: OpenPage, account: Account) -> None:
    page = open_page(None, accept_downloads=True)
    page.add_init_script(WITHOUT_FILE_ACCESS)
    page.goto("/accounts/login/")
    page.keyboard.type(account.name)  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/albums/")

    # An album with three photos and a file that fails
    press(page, "New album")
    page.wait_for_url("**/albums/new/")
    page.keyboard.type("Rome")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/albums/\d+/$"))
    album = page.url
    expect(page.locator("upload-desk:defined")).to_be_attached()
    with page.expect_file_chooser() as chooser:
        press(page, "Add photos")
    chooser.value.set_files([*pictures(3), BROKEN])  # type: ignore[arg-type]
    expect(page.locator(".tile__link")).to_have_count(3)
    expect(page.locator("#upload-panel")).to_contain_text("3 photos added, 1 problem")

    # Open, rate, caption
    open_photos(page)
    expect(page.locator(".tile__link").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/photos/*/")
    expect(page.locator("photo-viewer:defined")).to_be_attached()
    page.keyboard.press("4")
    expect(page.get_by_role("img", name="Rated 4 of 5")).to_be_visible()
    page.keyboard.press("i")
    press(page, "Edit details")
    page.wait_for_url("**/edit/")
    tab_to(page, "Caption")
    page.keyboard.type("The Tiber at dusk")
    press(page, "Save")
    page.wait_for_url("**/photos/*/")
    expect(page.locator(".drawer__caption")).to_have_text("The Tiber at dusk")
    page.goto(album)

    # A range to a new album, and back
    expect(page.locator("photo-selection:defined")).to_be_attached()
    open_photos(page)
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator(".selection__count")).to_have_text("2 selected")
    press(page, "Move", "Shift+Tab")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Move", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "New album")
    page.keyboard.press("Space")
    expect(page.get_by_label("Title of the new album")).to_be_focused()
    page.keyboard.type("Best of Rome")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("2 photos were moved to Best of Rome.")
    expect(page.locator("toast-list:defined")).to_be_attached()
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_contain_text("Undone.")
    expect(page.locator(".tile__link")).to_have_count(3)

    # Sort
    page.evaluate(TO_TOP)
    press(page, "Sort")
    tab_to(page, "Upload time")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="File name")).to_be_focused()
    press(page, "Sort")
    expect(page.locator("#toasts")).to_contain_text("Sorted by file name.")

    # Download, by the menu's arrow keys
    page.evaluate(TO_TOP)
    press(page, "More actions")
    while page.evaluate(FOCUSED)["name"] != "Download album":
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/download/")
    with page.expect_download() as download:
        press(page, "Download")
    assert download.value.suggested_filename == "Rome.zip"

    # Search
    page.goto(album)
    expect(page.locator("photo-selection:defined")).to_be_attached()
    page.keyboard.press("/")
    page.keyboard.type("Tiber")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    expect(page.locator(".tile__link")).to_have_count(1)

    # To the trash, and back
    open_photos(page)
    page.keyboard.press("x")
    page.keyboard.press("Delete")
    expect(page.locator("#toasts")).to_contain_text("moved to the trash")
    page.evaluate(TO_TOP)
    press(page, "Trash")
    page.wait_for_url("**/trash/")
    press(page, r"Restore\s+IMG_000\d.JPG")
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()

    # The file that failed, once more
    press(page, "Activity")
    page.wait_for_url("**/batches/")
    press(page, "Problems")
    page.wait_for_url("**/failures/")
    ensure_accessible(page, "problems")
    press(page, r"Retry(\s+broken.jpg)?")
    expect(page.locator("#toasts")).to_contain_text("1 file will be retried.")


def test_a_whole_journey_needs_no_javascript(open_page: OpenPage, account: Account) -> None:
    page = open_page(None, viewport=PHONE, java_script_enabled=False, accept_downloads=True)
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(account.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/albums/")

    page.get_by_role("link", name="New album").click()
    page.get_by_label("Title").fill("Rome")
    page.get_by_role("button", name="Create album").click()
    page.wait_for_url(re.compile(r"/albums/\d+/$"))
    album = page.url
    page.locator("#upload-photos").set_input_files([*pictures(3), BROKEN])  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    expect(page.locator(".tile__link")).to_have_count(3)  # the page refreshes itself
    expect(page.locator("#upload-panel")).to_contain_text("3 photos added, 1 problem")

    page.locator(".tile__link").first.click()
    page.locator("#viewer-info-toggle").click()
    page.get_by_role("button", name="4 stars").click()
    expect(page.get_by_role("img", name="Rated 4 of 5")).to_be_visible()
    if not page.locator(".drawer").is_visible():
        page.locator("#viewer-info-toggle").click()
    page.locator(".drawer").get_by_role("link", name="Edit details").click()
    page.get_by_label("Caption").fill("The Tiber at dusk")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".drawer__caption")).to_have_text("The Tiber at dusk")

    page.goto(album + "?select=1")
    for number in (0, 1):
        page.locator(".tile__check").nth(number).check()
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("radio", name="New album").check()
    page.get_by_label("Title of the new album").fill("Best of Rome")
    page.get_by_role("button", name="Move here").click()
    expect(page.locator("#toasts")).to_contain_text("2 photos were moved to Best of Rome.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tile__link")).to_have_count(3)

    page.goto(album)
    page.locator(".album-head summary", has_text="Sort").click()
    page.get_by_role("radio", name="File name").check()
    page.get_by_role("button", name="Sort").click()
    expect(page.locator("#toasts")).to_contain_text("Sorted by file name.")

    page.goto("/search/")
    page.get_by_role("searchbox").fill("Tiber")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".tile__link")).to_have_count(1)
    page.get_by_role("link", name="Select").click()
    page.locator(".tile__check").check()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.endswith(".zip")

    page.goto(album)
    page.locator(".tile__link").first.click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Back to Rome").click()
    page.get_by_role("link", name="Trash", exact=True).click()
    page.get_by_role("button", name="Restore IMG_").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()

    page.get_by_role("link", name="Activity").click()
    page.get_by_role("link", name="Problems").click()
    page.get_by_role("button", name="Retry", exact=True).or_(
        page.get_by_role("button", name="Retry broken.jpg")
    ).first.click()
    expect(page.locator("#toasts")).to_contain_text("1 file will be retried.")
