"""Selecting photos by mouse, keyboard and touch, and moving, copying and deleting them. Also without JavaScript."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.albums.test_grid import fill, serve_renditions
from tests.browser.conftest import PHONE, OpenPage, new_album, open_menu, wait_for_script
from tests.browser.desk import album_of
from tests.browser.looking import SCHEMES, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

NAMES = "images => images.slice(0, 5).map((image) => image.alt)"
PHOTOS = 120
"""More than a page loads at first."""


def tile(page: Page, number: int) -> Locator:
    return page.locator(".tile").nth(number)


def expect_selected(page: Page, *numbers: int) -> None:
    expect(page.locator(".tile__check:checked")).to_have_count(len(numbers))
    for number in numbers:
        expect(tile(page, number).get_by_role("checkbox")).to_be_checked()
    count = f"{len(numbers)} selected" if numbers else "Select photos"
    expect(page.locator(".selection__count")).to_have_text(count)


def center(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def photos_in(installation: Installation, address: str) -> int:
    album = address.rstrip("/").rpartition("/")[2]
    shown = f"SELECT count(*) FROM albums_photo WHERE album_id = {album} AND trashed_at IS NULL"
    count: int = installation.ask(shown)[0][0]
    return count


def test_photos_are_selected_by_mouse_and_keyboard_moved_and_returned(page: Page, installation: Installation) -> None:
    target = new_album(page, "Rome")
    address = fill(page, installation, months=(1,), count=PHOTOS)

    # Checkbox, range and Ctrl
    tile(page, 1).hover()
    tile(page, 1).get_by_role("checkbox").click()
    tile(page, 4).click(modifiers=["Shift"])
    tile(page, 6).click(modifiers=["Control"])
    expect_selected(page, 1, 2, 3, 4, 6)
    tile(page, 3).click()
    expect_selected(page, 1, 2, 4, 6)
    expect(page.locator("photo-selection [role=status]")).to_have_text("4 photos selected")
    ensure_accessible(page, "selecting")
    page.keyboard.press("Escape")
    expect(page.locator(".selection__bar")).to_be_hidden()
    expect(page.locator(".tile__check:checked")).to_have_count(0)

    # A rectangle from the margin over the first two photos
    page.evaluate("scrollTo(0, 0)")
    (x, y), (first_x, first_y) = center(tile(page, 1)), center(tile(page, 0))
    page.mouse.move(4, first_y + 10)
    page.mouse.down()
    page.mouse.move(first_x, first_y, steps=4)
    page.mouse.move(x, y, steps=4)
    expect(page.locator(".tile__check:checked")).to_have_count(2)
    page.mouse.up()
    expect_selected(page, 0, 1)
    assert page.url == address

    # Selected photos are dragged together
    before = page.locator(".tile img.frame__image").evaluate_all(NAMES)
    page.mouse.move(*center(tile(page, 1)))
    page.mouse.down()
    x, y = center(tile(page, 3))
    page.mouse.move(x + 2, y, steps=5)
    page.mouse.move(x + 20, y, steps=5)
    page.mouse.up()
    expect(page.locator("#toasts")).to_contain_text("2 photos moved.")
    names = page.locator(".tile img.frame__image").evaluate_all(NAMES)
    assert names == [before[2], before[3], before[0], before[1], before[4]]
    page.get_by_role("button", name="Undo").click()
    expect(tile(page, 0).locator("img")).to_have_attribute("alt", before[0])

    # Keys: X selects, Shift with an arrow extends, Ctrl+A selects photos that are not loaded too
    wait_for_script(page)
    tile(page, 2).locator("a").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowLeft")
    expect_selected(page, 2, 3)
    page.keyboard.press("Control+a")
    expect(page.locator(".selection__count")).to_have_text(f"{PHOTOS} selected")
    page.keyboard.press("Space")
    expect(page.locator(".selection__count")).to_have_text(f"{PHOTOS - 1} selected")
    expect(tile(page, 3).get_by_role("checkbox")).not_to_be_checked()

    # The list of albums is filtered while typing; Enter chooses
    page.get_by_role("button", name="Move", exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Move {PHOTOS - 1} photos to …")
    ensure_accessible(page, "dialog")
    page.keyboard.type("rom")
    expect(dialog.locator("#targets li")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("radio", name="Rome")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text(f"{PHOTOS - 1} photos were moved to Rome.")
    expect(page.locator("#photo-count")).to_have_text("1 photo")
    assert (photos_in(installation, address), photos_in(installation, target)) == (1, PHOTOS - 1)
    wait_for_script(page)
    page.keyboard.press("z")
    expect(page.locator("#toasts")).to_have_text(re.compile("Undone."))
    expect(page.locator("#photo-count")).to_have_text(f"{PHOTOS} photos")
    assert (photos_in(installation, address), photos_in(installation, target)) == (PHOTOS, 0)


def test_photos_are_selected_by_touch_and_without_javascript(
    page: Page, open_page: OpenPage, installation: Installation
) -> None:
    address = fill(page, installation, months=(1,), count=6)
    for scheme in SCHEMES:
        phone = open_page(viewport=PHONE, has_touch=True, color_scheme=scheme)
        serve_renditions(phone)
        phone.goto(address)
        long_press(phone, tile(phone, 0))
        tile(phone, 1).locator("a").tap()
        expect_selected(phone, 0, 1)
        assert phone.url == address
        ensure_accessible(phone, f"phone, {scheme}")
        phone.get_by_role("button", name="Delete").tap()
        expect(phone.locator("#toasts")).to_contain_text("2 photos were moved to the trash.")
        expect(phone.locator(".tile")).to_have_count(4)
        phone.get_by_role("button", name="Undo").tap()
        expect(phone.locator(".tile")).to_have_count(6)

    plain = open_page(viewport=PHONE, java_script_enabled=False)
    serve_renditions(plain)
    plain.goto(address)
    open_menu(plain)
    plain.get_by_role("link", name="Select photos").click()
    for number in (1, 3):
        tile(plain, number).get_by_role("checkbox").check()
    plain.get_by_role("button", name="Move", exact=True).click()
    plain.get_by_label("Title of the new album").fill("Naples")
    plain.get_by_role("radio", name="New album").check()
    plain.get_by_role("button", name="Move here").click()
    expect(plain.locator("#toasts")).to_contain_text("2 photos were moved to Naples.")
    expect(plain.locator(".tile")).to_have_count(4)
    plain.get_by_role("button", name="Undo").click()
    expect(plain.locator(".tile")).to_have_count(6)
    assert photos_in(installation, f"/albums/{album_of(plain)}/") == 6


def long_press(page: Page, locator: Locator) -> None:
    """Keep a finger on the element until it is selected."""
    locator.scroll_into_view_if_needed()
    x, y = center(locator)
    client = page.context.new_cdp_session(page)
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(locator.get_by_role("checkbox")).to_be_checked()
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
