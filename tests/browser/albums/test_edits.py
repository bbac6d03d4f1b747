"""Editing and rotating photos in a browser: by mouse, by keyboard, by touch, and for a selection."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import PHONE, OpenPage, new_album, stop_worker, wait_for_script
from tests.browser.desk import pictures, send
from tests.browser.looking import SCHEMES, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

COUNT = 3


def filled_album(page: Page) -> list[str]:
    """Fills a new album and returns the ids of its photos."""
    page.goto(new_album(page))
    send(page, pictures(COUNT))
    expect(page.locator(".report")).to_contain_text(f"{COUNT} photos added", timeout=300_000)
    page.reload()
    return [str(tile.get_attribute("id")).removeprefix("photo-") for tile in page.locator(".tile").all()]


def is_upright(image: Locator) -> bool:
    """True if the picture on the screen is higher than wide, after all transformations."""
    return bool(image.evaluate("image => image.getBoundingClientRect().height > image.getBoundingClientRect().width"))


def rendered_turn(page: Page) -> str:
    """How the page turns the rendition: the number of the orientation, or an empty text."""
    classes = page.locator(".viewer__picture").get_attribute("class") or ""
    match = re.search(r"turned--(\d)", classes)
    return match[1] if match else ""


@pytest.mark.usefixtures("worker")
def test_a_photo_is_edited_and_rotated_by_mouse_keyboard_and_touch(
    open_page: OpenPage, account: Account, installation: Installation
) -> None:
    page = open_page()
    photo_id = filled_album(page)[0]
    stop_worker(installation)  # so that the rotated photo is not rendered before the test has looked at it
    page.locator(".tile a").first.click()

    # By mouse: from the drawer to the form and back.
    page.locator("#viewer-info-toggle").click()
    page.get_by_role("region", name="Details").get_by_role("link", name="Edit details").click()
    ensure_accessible(page, "the form")
    page.get_by_label("Title").fill("Evening at the lake")
    page.get_by_label("Keywords").fill("lake, evening")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(rf"/photos/{photo_id}/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Evening at the lake")
    expect(page.get_by_role("list", name="Keywords")).to_have_text("lakeevening")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("IMG_0001.JPG")

    # By keyboard alone.
    wait_for_script(page)
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit photo")
    page.get_by_label("Title").focus()
    page.keyboard.type("Morning")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Morning")
    assert not is_upright(page.locator(".viewer__image"))
    wait_for_script(page)
    for _ in range(3):
        page.keyboard.press("r")
    polling.until(lambda: rendered_turn(page) == "8", 60, what="three turns to the right")
    assert is_upright(page.locator(".viewer__image"))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        ensure_accessible(page, f"a rotated photo, {scheme}")
    page.keyboard.press("Shift+R")
    polling.until(lambda: rendered_turn(page) == "3", 60, what="a turn to the left")

    # By touch, on a phone.
    phone = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    phone.goto(f"/photos/{photo_id}/")
    phone.locator("#viewer-more-toggle").tap()
    phone.get_by_role("button", name="Rotate right").tap()
    polling.until(lambda: rendered_turn(phone) == "8", 60, what="a turn by touch")
    phone.goto(f"/photos/{photo_id}/edit/")
    ensure_accessible(phone, "the form on a phone")

    # The worker makes the renditions again, and no page turns them any more.
    installation.start("run_huey")

    def is_rendered() -> bool:
        page.reload()
        return rendered_turn(page) == ""

    polling.until(is_rendered, 300, what="new renditions")
    image = page.locator(".viewer__image")
    assert (image.get_attribute("width"), image.get_attribute("height")) == ("600", "900")
    expect(image).to_have_js_property("complete", True)
    assert is_upright(image)


@pytest.mark.usefixtures("worker")
def test_a_selection_is_edited_with_a_preview_of_its_dates_and_undone(open_page: OpenPage) -> None:
    page = open_page()
    ids = filled_album(page)
    album = page.url
    page.goto(f"/selection/edit/?ids={','.join(ids)}&album={album.rstrip('/').split('/')[-1]}")
    expect(page.get_by_label("New title")).to_be_hidden()

    page.get_by_label("Title", exact=True).select_option("Set to")
    page.get_by_label("New title").fill("Lake")
    page.get_by_label("Add keywords").fill("water")
    page.get_by_label("Date", exact=True).select_option("Shift by")
    page.get_by_label("Direction").select_option("Earlier")
    page.get_by_label("Days").fill("365")
    page.get_by_role("button", name="Preview dates").press("Enter")
    expect(page.locator(".edit__dates tbody tr")).to_have_count(2)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        ensure_accessible(page, f"the form, {scheme}")
    page.get_by_role("button", name="Save").click()

    expect(page).to_have_url(album)
    expect(page.get_by_text("Title, keywords and date of 3 photos changed.")).to_be_visible()
    expect(page.locator(".tile img[alt=Lake]")).to_have_count(COUNT)
    wait_for_script(page)
    page.keyboard.press("Control+z")
    expect(page.locator(".tile img[alt=Lake]")).to_have_count(0)
    expect(page.get_by_text("Undone.")).to_be_visible()

    # Without JavaScript, the preview is a page.
    plain = open_page(java_script_enabled=False)
    plain.goto(f"/selection/edit/?ids={','.join(ids)}")
    plain.get_by_label("Date", exact=True).select_option("Shift by")
    plain.get_by_label("Hours:minutes:seconds").fill("1:00")
    plain.get_by_role("button", name="Preview dates").click()
    expect(plain.locator(".edit__dates tbody tr")).to_have_count(2)
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_text("Date of 3 photos changed.")).to_be_visible()
