"""Sorting an album and moving its photos: by mouse, by keyboard, by touch, and without JavaScript."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.albums.test_grid import serve_renditions, tiles
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

COUNT = 12
FILL = """
from albums.models import Album
from tests.albums.grid.filling import fill, taken
for number in range({count}):
    fill(Album.objects.get(pk={album}), 1, name=f"{{number}}.jpg", taken_at=taken(f"2025-05-{{31 - number}}T12:00"))
"""
NAMES = "tiles => tiles.map((tile) => tile.querySelector('img').alt.replace('.jpg', ''))"
STATUS = "photo-order [role=status]"
HEAR_TOASTS = """addEventListener("load", () => {
  window.heard = "";
  const hear = ({ addedNodes }) => addedNodes.forEach((node) => (window.heard += node.textContent));
  const observer = new MutationObserver((changes) => changes.forEach(hear));
  observer.observe(document.getElementById("toasts"), { childList: true });
})"""
"""A screen reader announces only what is added to a page that is loaded."""


def fill(page: Page, installation: Installation) -> str:
    address = new_album(page)
    album = address.rstrip("/").rpartition("/")[2]
    installation.manage("shell", "--no-imports", "-c", FILL.format(album=album, count=COUNT))
    serve_renditions(page)
    page.goto(address)
    return address


def expect_order(page: Page, *first: int) -> None:
    """The page shows these photos first, and the others behind them as they were; a reload gives the same."""
    expected = [*first, *(number for number in range(COUNT) if number not in first)]
    for _ in range(2):
        page.wait_for_function(
            f"expected => JSON.stringify(({NAMES})([...document.querySelectorAll('#photo-grid > .tile')])) === expected",
            arg=str([str(number) for number in expected]).replace("'", '"').replace(" ", ""),
        )
        page.reload()


def tile(page: Page, name: int) -> Locator:
    return page.locator(f'.tile:has(img[alt="{name}.jpg"])')


def drag(page: Page, moved: Locator, target: Locator, side: float) -> None:
    """Drag the tile to this part of the target's width, and look at the line there before dropping it."""
    start, end = moved.bounding_box(), target.bounding_box()
    x, y = end["x"] + side * end["width"], end["y"] + end["height"] / 2
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)  # not on the checkbox
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    line = page.locator(".drop-line")
    edge = end["x"] + (end["width"] if side > 0.5 else 0)
    expect(line).to_be_visible()
    page.wait_for_function(
        "edge => Math.abs(document.querySelector('.drop-line').getBoundingClientRect().left - edge) < 8", arg=edge
    )
    page.mouse.up()
    expect(line).to_have_count(0)


def touch(page: Page, *points: tuple[float, float]) -> None:
    """A finger goes from point to point."""
    session = page.context.new_cdp_session(page)
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1)]
    for kind, (x, y) in zip(kinds, points, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_photos_are_sorted_and_moved(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(viewport=DESKTOP)
    address = fill(page, installation)

    # By mouse, and undone with the key.
    drag(page, tile(page, 4), tile(page, 1), 0.2)
    expect(page.locator("#toasts").get_by_text("1 photo moved.")).to_be_visible()
    expect(page.locator(STATUS)).to_have_text("4.jpg moved to position 2 of 12.")
    ensure_accessible(page, "moved")
    expect_order(page, 0, 4)
    drag(page, tile(page, 0), tile(page, 4), 0.8)
    expect(page.locator(STATUS)).to_have_text("0.jpg moved to position 2 of 12.")
    page.add_init_script(HEAR_TOASTS)
    page.keyboard.press("z")
    expect(page.get_by_text("Undone.")).to_be_visible()
    page.wait_for_function("() => window.heard?.includes('Undone.')")
    expect_order(page, 0, 4)

    # By keyboard.
    tile(page, 7).locator("a").focus()
    page.keyboard.press("m")
    expect(page.locator(STATUS)).to_contain_text("Moving 7.jpg, position 8 of 12. Arrow keys")
    page.keyboard.press("ArrowRight")
    expect(page.locator(STATUS)).to_have_text("7.jpg, position 9 of 12")
    page.keyboard.press("Home")
    expect(page.locator(STATUS)).to_have_text("7.jpg, position 1 of 12")
    expect(page.locator(".drop-line")).to_be_visible()
    ensure_accessible(page, "keyboard")
    page.keyboard.press("Escape")
    expect(page.locator(STATUS)).to_have_text("Move cancelled.")
    for key in ("m", "Home", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(STATUS)).to_have_text("7.jpg moved to position 1 of 12.")
    expect(tile(page, 7).locator("a")).to_be_focused()
    expect_order(page, 7, 0, 4)

    # The menu sorts; a move in a sorted album asks.
    menu = page.locator(".sort-menu > summary")
    menu.click()
    ensure_accessible(page, "menu")
    page.get_by_text("Date taken, oldest first").click()
    expect(page.get_by_text("Sorted by date taken, oldest first.")).to_be_visible()
    expect_order(page, *reversed(range(COUNT)))
    menu.press("Enter")
    page.get_by_role("radio", name="Date taken, oldest first").press("ArrowDown")
    page.get_by_role("radio", name="Date taken, newest first").press("Enter")
    expect_order(page, *range(COUNT))
    drag(page, tile(page, 3), tile(page, 0), 0.1)
    ensure_accessible(page, "question")
    box = page.get_by_role("dialog").bounding_box()
    assert abs(box["x"] + box["width"] / 2 - DESKTOP["width"] / 2) <= 1, box
    page.get_by_role("button", name="Cancel").click()
    expect_order(page, *range(COUNT))
    drag(page, tile(page, 3), tile(page, 0), 0.1)
    page.get_by_role("button", name="Switch and move").click()
    expect(page.get_by_text("1 photo moved.")).to_be_visible()
    expect(page.locator("sort-menu [value=manual]")).to_be_checked()
    expect_order(page, 3)

    # By touch.
    phone = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    serve_renditions(phone)
    phone.goto(address)
    phone.locator(".sort-menu > summary").tap()
    ensure_accessible(phone, "menu on a phone")
    phone.get_by_role("button", name="Move photos").tap()
    expect(phone.get_by_role("button", name="Done")).to_be_focused()
    start, end = (tile(phone, name).bounding_box() for name in (1, 3))
    middle = [
        (box["x"] + box["width"] * part, box["y"] + box["height"] / 2) for box, part in ((start, 0.5), (end, 0.2))
    ]
    touch(phone, middle[0], (middle[0][0], middle[0][1] - 20), middle[1])
    expect(phone.get_by_text("1 photo moved.")).to_be_visible()
    ensure_accessible(phone, "Move mode")
    phone.get_by_role("button", name="Done").tap()
    expect_order(phone, 1, 3)

    # By number, without JavaScript.
    plain = open_page(viewport=PHONE, java_script_enabled=False)
    serve_renditions(plain)
    plain.goto(address)
    tile(plain, 5).locator("a").click()
    plain.locator("#viewer-more-toggle").click()
    plain.get_by_role("link", name="Change position").click()
    expect(plain.get_by_role("heading", name="Position 6 of 12")).to_be_visible()
    plain.get_by_label("New position").fill("2")
    plain.get_by_role("button", name="Move", exact=True).click()
    expect(tiles(plain).nth(1).locator("img")).to_have_attribute("alt", "5.jpg")
    assert tiles(plain).evaluate_all(NAMES)[:4] == ["1", "5", "3", "0"]
