"""The quality check page: a slider with the script, side by side without it."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.looking import SCHEMES, ensure_accessible, ensure_seen
from tests.browser.test_trash import fill

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

EDGES_OF_CLIPS = "all => all.map(i => getComputedStyle(i).clipPath)"
PLACES = "all => all.map(i => i.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])"


def open_quality(page: Page) -> None:
    page.get_by_role("link", name="IMG_0001.JPG").click()
    page.get_by_role("link", name="Compare original and previews").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_slider_moves_by_keyboard_and_says_where_one_ends(page: Page, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    fill(page, 2)
    open_quality(page)
    pictures = page.locator(".compare__side img")
    one, other = pictures.evaluate_all(PLACES)
    assert one == other

    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    assert pictures.evaluate_all(EDGES_OF_CLIPS) == ["inset(0px 100% 0px 0px)", "inset(0px 0px 0px 0%)"]
    page.keyboard.press("End")
    assert pictures.evaluate_all(EDGES_OF_CLIPS) == ["inset(0px 0% 0px 0px)", "inset(0px 0px 0px 100%)"]

    page.get_by_role("link", name="400, WebP").click()
    expect(page.get_by_role("link", name="400, WebP")).to_have_attribute("aria-current", "true")
    ensure_seen(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_the_page(page: Page, open_page: OpenPage, size: ViewportSize) -> None:
    address = fill(page, 2)
    for scheme in SCHEMES:
        unheard = open_page(viewport=size, color_scheme=scheme, is_heard=False)
        unheard.goto(address)
        open_quality(unheard)
        expect(unheard.get_by_role("slider")).to_be_visible()
        ensure_accessible(unheard)


def test_without_javascript_the_two_stand_side_by_side(page: Page, open_page: OpenPage) -> None:
    address = fill(page, 2)
    plain = open_page(viewport=PHONE, java_script_enabled=False)
    plain.goto(address)

    open_quality(plain)

    expect(plain.locator(".compare__range")).to_be_hidden()
    one, other = (plain.locator(".compare__side img").nth(number).bounding_box() for number in (0, 1))
    assert one["x"] + one["width"] <= other["x"]
    assert one["y"] == other["y"]
