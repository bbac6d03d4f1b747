"""The quality page: a slider with JavaScript, both images side by side without."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.albums.test_trash import fill
from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.looking import SCHEMES, ensure_accessible, ensure_images_loaded

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

CLIP_PATHS = "all => all.map(i => getComputedStyle(i).clipPath)"
POSITIONS = "all => all.map(i => i.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])"


def open_quality(page: Page) -> None:
    page.get_by_role("link", name="IMG_0001.JPG").click()
    page.locator("#viewer-more-toggle").click()
    page.get_by_role("link", name="Compare original and previews").click()
    expect(page.get_by_role("heading", name="Quality")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_slider_moves_the_boundary_with_the_keyboard(page: Page, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    fill(page, 2)
    open_quality(page)
    pictures = page.locator(".compare__side img")
    first, second = pictures.evaluate_all(POSITIONS)
    assert first == second

    page.get_by_role("slider").focus()
    page.keyboard.press("Home")
    assert pictures.evaluate_all(CLIP_PATHS) == ["inset(0px 100% 0px 0px)", "inset(0px 0px 0px 0%)"]
    page.keyboard.press("End")
    assert pictures.evaluate_all(CLIP_PATHS) == ["inset(0px 0% 0px 0px)", "inset(0px 0px 0px 100%)"]

    page.get_by_role("link", name="400, WebP").click()
    expect(page.get_by_role("link", name="400, WebP")).to_have_attribute("aria-current", "true")
    ensure_images_loaded(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation_on_the_quality_page(page: Page, open_page: OpenPage, size: ViewportSize) -> None:
    address = fill(page, 2)
    for scheme in SCHEMES:
        unrecorded_page = open_page(viewport=size, color_scheme=scheme, records_console=False)
        unrecorded_page.goto(address)
        open_quality(unrecorded_page)
        expect(unrecorded_page.get_by_role("slider")).to_be_visible()
        ensure_accessible(unrecorded_page)


def test_without_javascript_both_images_are_side_by_side(page: Page, open_page: OpenPage) -> None:
    address = fill(page, 2)
    no_script_page = open_page(viewport=PHONE, java_script_enabled=False)
    no_script_page.goto(address)

    open_quality(no_script_page)

    expect(no_script_page.locator(".compare__range")).to_be_hidden()
    left, right = (no_script_page.locator(".compare__side img").nth(number).bounding_box() for number in (0, 1))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
