"""Whole folders, into one album or into one each."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import new_album
from tests.browser.desk import title
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]


def test_each_folder_becomes_an_album_if_the_person_says_so(page: Page, tmp_path: Path) -> None:
    card = tmp_path / "DCIM"
    for folder in ("Monday", "Tuesday"):
        (card / folder).mkdir(parents=True)
        for number in range(1, 3):
            (card / folder / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    (card / "Monday" / ".DS_Store").write_bytes(b"no photo")
    (card / "Monday" / "notes.txt").write_bytes(b"no photo")
    new_album(page)

    page.locator("#desk-folder").set_input_files(card)
    expect(page.get_by_text("Skipped 1 file of a kind that albums do not take: DCIM/Monday/notes.txt.")).to_be_visible()
    expect(page.get_by_text("1 companion file skipped")).to_be_visible()
    page.get_by_label("Each folder to an album of its own").check()
    page.get_by_role("button", name="Send 4 photos").click()

    title(page, "All sent: 4 received")
    page.get_by_role("link", name="Tuesday").click()
    expect(page.get_by_role("heading", name="Tuesday")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)


def test_folders_can_go_into_this_album_too_and_their_files_go_in_order(page: Page, tmp_path: Path) -> None:
    for number in (10, 9, 2, 1):
        (tmp_path / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    new_album(page)

    page.locator("#desk-folder").set_input_files(tmp_path)
    page.get_by_role("button", name="Send 4 photos").click()

    expect(page.locator(".report")).to_contain_text("4 photos added")
    page.reload()
    shown = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert shown == ["IMG_1.JPG", "IMG_2.JPG", "IMG_9.JPG", "IMG_10.JPG"]
