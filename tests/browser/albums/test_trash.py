"""Moving photos and albums to the trash and restoring them, as a user does it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album, open_menu
from tests.browser.desk import album_of, choose_folder, expect_title, pictures, send
from tests.browser.looking import SCHEMES, ensure_accessible, ensure_images_loaded
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]


def fill(page: Page, count: int) -> str:
    """Upload `count` photos to a new album, wait until they are processed, and return its URL."""
    address = new_album(page)
    send(page, pictures(count))
    expect(page.locator(".report")).to_contain_text(f"{count} photos added")
    return address


def clear_deleted_album_errors(console_errors: list[str]) -> None:
    """Assert that all console errors are about the deleted album's responses, and clear them."""
    assert [error for error in console_errors if "410" not in error and "404" not in error] == []
    console_errors.clear()


def move_to_trash(page: Page, name: str) -> None:
    """Delete a photo of the album on its page; after that, the page of another photo or the album is shown."""
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(f"{name} was moved to the trash.").first).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_photo_moved_to_the_trash_is_restored_with_one_click(page: Page, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    address = fill(page, 3)

    move_to_trash(page, "IMG_0002.JPG")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    expect(page.get_by_role("heading", name="IMG_0003.JPG")).to_be_visible()
    album_tab = page.context.new_page()
    album_tab.goto(address)
    expect(album_tab.locator(".tile")).to_have_count(2)
    expect(album_tab.locator("#photo-count")).to_have_text("2 photos")
    open_menu(album_tab)
    expect(album_tab.get_by_role("link", name="Trash (1)")).to_be_visible()
    undo.click()

    expect(page.get_by_text("Undone.").first).to_be_visible()
    expect(page.get_by_role("heading", name="IMG_0002.JPG")).to_be_visible()
    page.get_by_role("link", name="Back to").click()
    expect(page.locator(".tile")).to_have_count(3)
    names = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert names == ["IMG_0001.JPG", "IMG_0002.JPG", "IMG_0003.JPG"]
    open_menu(page)
    expect(page.get_by_role("link", name="Edit album")).to_be_visible()
    expect(page.get_by_role("link", name="Trash (")).to_have_count(0)


def test_the_trash_works_without_javascript(page: Page, open_page: OpenPage, installation: Installation) -> None:
    address = fill(page, 4)
    no_script_page = open_page(viewport=PHONE, java_script_enabled=False)
    for number in (1, 2, 3):
        no_script_page.goto(address)
        move_to_trash(no_script_page, f"IMG_000{number}.JPG")

    no_script_page.goto(address)
    open_menu(no_script_page)
    no_script_page.get_by_role("link", name="Trash (3)").click()
    expect(no_script_page.locator(".trashed")).to_have_count(3)
    no_script_page.get_by_role("button", name="Restore IMG_0001.JPG").click()
    expect(no_script_page.locator(".trashed")).to_have_count(2)
    no_script_page.get_by_role("link", name="Delete IMG_0002.JPG permanently").click()
    no_script_page.get_by_role("button", name="Delete permanently").click()
    expect(no_script_page.locator(".trashed")).to_have_count(1)
    no_script_page.get_by_role("link", name="Empty trash").click()
    no_script_page.get_by_role("button", name="Delete 1 photo permanently").click()

    expect(no_script_page.get_by_text("1 photo was deleted permanently.")).to_be_visible()
    expect(no_script_page.locator(".tile")).to_have_count(2)
    assert installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {album_of(no_script_page)}") == [(2,)]
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["orphans"]) == ([], [])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation_in_the_message_with_the_undo_button(
    page: Page, open_page: OpenPage, size: ViewportSize
) -> None:
    address = fill(page, 2)
    for scheme in SCHEMES:
        unrecorded_page = open_page(viewport=size, color_scheme=scheme, records_console=False)
        unrecorded_page.goto(address)
        move_to_trash(unrecorded_page, "IMG_0001.JPG")
        ensure_accessible(unrecorded_page)
        unrecorded_page.get_by_role("button", name="Undo").click()
        expect(unrecorded_page.get_by_role("heading", name="IMG_0001.JPG")).to_be_visible()


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_a_deleted_album_is_restored_with_one_click(
    page: Page, open_page: OpenPage, installation: Installation, has_script: bool
) -> None:
    address = fill(page, 2)
    no_script_page = open_page(viewport=PHONE, java_script_enabled=has_script, records_console=False)
    no_script_page.goto(address)
    number = album_of(no_script_page)

    open_menu(no_script_page)
    no_script_page.get_by_role("link", name="Delete").click()
    no_script_page.get_by_role("button", name="Move to trash").click()
    expect(no_script_page.get_by_text("was moved to the trash.")).to_be_visible()
    expect(no_script_page.locator(".card")).to_have_count(0)
    no_script_page.get_by_role("button", name="Undo").click()

    no_script_page.locator(".card__link").click()
    expect(no_script_page.locator(".tile")).to_have_count(2)
    open_menu(no_script_page)
    no_script_page.get_by_role("link", name="Delete").click()
    no_script_page.get_by_role("button", name="Move to trash").click()
    no_script_page.get_by_role("link", name="Trash", exact=True).click()
    ensure_images_loaded(no_script_page) if has_script else None
    no_script_page.get_by_role("link", name="permanently").click()
    no_script_page.get_by_role("button", name="Delete permanently").click()
    expect(no_script_page.get_by_text("was deleted permanently.")).to_be_visible()
    assert installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {number}") == [(0,)]
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["orphans"]) == ([], [])


def test_a_page_shows_that_its_album_was_deleted_in_another_tab(
    page: Page, installation: Installation, console_errors: list[str]
) -> None:
    installation.stop("run_huey", seconds=200)
    address = new_album(page)
    send(page, pictures(3))
    expect_title(page, "Upload complete: 3 uploaded")
    other_tab = page.context.new_page()

    other_tab.goto(f"{address}delete/")
    other_tab.get_by_role("button", name="Move to trash").click()

    status = page.locator("connection-status")
    expect(status).to_contain_text("This album is in the trash.")
    expect(page.locator("[data-uploader]")).to_be_hidden()
    expect(page.locator("#upload-panel")).to_be_hidden()
    page.get_by_role("link", name="Restore it").click()
    page.get_by_role("button", name="Restore album").click()
    expect(page.locator("#upload-panel")).to_contain_text("0 of 3")
    other_tab.goto(f"{address}delete/")
    other_tab.get_by_role("button", name="Move to trash").click()
    other_tab.goto(f"{address}delete-permanently/")
    other_tab.get_by_role("button", name="Delete permanently").click()

    expect(status).to_contain_text("This")  # in the trash, or deleted already
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("Page not found")
    clear_deleted_album_errors(console_errors)


def test_files_selected_for_a_deleted_album_stay_listed(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(records_console=False)
    address = new_album(page)
    choose_folder(page, tmp_path, pictures(2))
    other_tab = page.context.new_page()
    other_tab.goto(f"{address}delete/")
    other_tab.get_by_role("button", name="Move to trash").click()

    page.get_by_role("button", name="Upload 2 photos").click()

    expect(page.locator("connection-status")).to_contain_text("This album is in the trash.")
    expect_title(page, "2 files not uploaded")
    expect(page.locator(".file-row")).to_have_count(2)
    ensure_accessible(page)
