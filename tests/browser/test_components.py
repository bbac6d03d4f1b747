"""The components that all pages share, by mouse, keyboard and touch: menus and toasts."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import pictures, send
from tests.browser.looking import ensure_accessible

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.once]

FOCUSED = "document.activeElement.innerText.trim()"
BOXES = "all => all.map((one) => Object.values(one.getBoundingClientRect().toJSON()))"
SHOW = "([text, level]) => document.getElementById('toasts').show(text, level)"


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_menu_is_within_the_window_and_works_by_keyboard_and_touch(open_page: OpenPage, size) -> None:
    page = open_page(viewport=size, has_touch=size == PHONE)
    new_album(page)
    page.goto("/albums/")
    summary = page.locator(".toolbar .menu > summary").filter(has_text="Newest first")
    menu = page.locator(".toolbar .menu__list").filter(has_text="Date of photos")

    summary.focus()
    page.keyboard.press("Enter")
    ensure_inside(menu, page)
    assert focused_after(page, "ArrowDown", "ArrowDown", "End", "ArrowDown", "ArrowUp") == [
        *("Newest first", "Title", "Date of photos", "Newest first", "Date of photos")
    ]
    ensure_accessible(page, "menu")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(summary).to_be_focused()
    if size == PHONE:
        summary.tap()
    else:
        summary.click()
    expect(menu).to_be_visible()
    page.locator(".masthead__user > summary").click()
    expect(menu).to_be_hidden()
    ensure_inside(page.locator(".masthead__user .menu__list"), page)
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".masthead__user .menu__list")).to_be_hidden()
    summary.click()
    page.get_by_role("link", name="Title").click()
    page.wait_for_url("**sort=title")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_toasts_move_nothing_and_leave_film_strip_and_tray_free(open_page: OpenPage, size) -> None:
    page = open_page(viewport=size, has_touch=size == PHONE)
    new_album(page)
    send(page, pictures(3))
    expect(page.locator(".report")).to_contain_text("3 photos added")
    toast = page.locator(".toast")
    before = page.locator(".tile").evaluate_all(BOXES)

    page.evaluate(SHOW, ["The server is busy.", "error"])
    expect(toast.locator(".toast__text")).to_have_text("The server is busy.")
    assert page.locator(".tile").evaluate_all(BOXES) == before
    ensure_apart(toast, page.locator(".tray"))
    ensure_apart(toast, page.locator(".masthead"))
    ensure_accessible(page, "toast in an album")
    page.get_by_role("button", name="Close message").click()
    expect(toast).to_have_count(0)
    expect(page.locator("main")).to_be_focused()

    page.locator(".tile a").first.click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(toast).to_contain_text("IMG_0001.JPG was moved to the trash.")
    ensure_apart(toast, page.locator(".viewer__strip"))
    ensure_accessible(page, "toast in the viewer")
    page.get_by_role("button", name="Undo").press("Enter")
    expect(toast).to_contain_text("Undone.")
    if size == PHONE:
        page.get_by_role("button", name="Close message").tap()
        expect(toast).to_have_count(0)


def test_a_toast_without_an_action_disappears_and_a_warning_stays(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="no-preference")
    page.clock.install()
    page.goto("/albums/")

    page.evaluate(SHOW, ["Saved.", "success"])
    expect(page.locator(".toast")).to_have_count(1)
    page.clock.run_for(20_000)
    expect(page.locator(".toast")).to_have_count(0)
    page.evaluate(SHOW, ["Not saved.", "warning"])
    page.clock.run_for(60_000)
    expect(page.locator(".toast")).to_have_count(1)


def focused_after(page: Page, *keys: str) -> list[str]:
    """The text of the focused element after each key."""
    texts = []
    for key in keys:
        page.keyboard.press(key)
        texts.append(page.evaluate(FOCUSED))
    return texts


def box(locator: Locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    expect(locator).to_be_visible()
    rectangle = locator.bounding_box()
    assert rectangle is not None
    return rectangle["x"], rectangle["y"], rectangle["x"] + rectangle["width"], rectangle["y"] + rectangle["height"]


def ensure_inside(locator: Locator, page: Page) -> None:
    left, top, right, bottom = box(locator)
    size = page.viewport_size
    assert size is not None
    assert min(left, top) >= 0
    assert (right <= size["width"], bottom <= size["height"]) == (True, True)


def ensure_apart(one: Locator, other: Locator) -> None:
    (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = box(one), box(other)
    assert right <= other_left or other_right <= left or bottom <= other_top or other_bottom <= top
