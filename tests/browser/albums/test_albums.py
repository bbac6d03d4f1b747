"""Selecting albums in the list, and albums inside albums, by mouse, by keyboard, by touch and without JavaScript."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accounts import Account
from tests.browser.conftest import PHONE, OpenPage, new_album, wait_for_script
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


def create_albums(page: Page, *titles: str) -> None:
    for title in titles:
        new_album(page, title)
    page.goto("/albums/")


def box(page: Page, title: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Select {title}")


MANY = """
from django.contrib.auth.models import User
from albums.models import Album
owner = User.objects.get(username="{name}")
Album.objects.bulk_create(Album(title=f"Album {{number}}", owner=owner) for number in range(70))
"""


def expect_cards(page: Page, *titles: str) -> None:
    expect(page.locator(".card__title")).to_have_text(list(titles))


def press_long(locator: Locator) -> None:
    """Touch the element until its album is selected. The click at the end must not open the album."""
    locator.dispatch_event("pointerdown", {"pointerType": "touch", "clientX": 1, "clientY": 1})
    expect(locator.page.locator(".card__select :checked")).to_have_count(1)
    locator.dispatch_event("pointerup", {"pointerType": "touch", "clientX": 1, "clientY": 1})
    locator.dispatch_event("click")


def test_albums_are_selected_moved_and_deleted_by_mouse_and_by_keyboard(page: Page) -> None:
    create_albums(page, "Rome", "Italy", "Travel")
    count = page.get_by_role("status").filter(has_text="selected")
    expect(page.get_by_role("group", name="Actions for selected albums")).to_be_hidden()

    page.locator(".card", has_text="Italy").hover()
    box(page, "Italy").click()
    page.locator(".card__link", has_text="Rome").click()  # while an album is selected, a click selects
    expect(count).to_have_text("2 albums selected")
    ensure_accessible(page, "selected")
    page.get_by_role("button", name="Move").click()
    ensure_accessible(page, "move")
    page.get_by_role("button", name="Travel").click()
    expect(page.get_by_text("2 albums were moved to Travel.")).to_be_visible()
    expect_cards(page, "Travel")
    wait_for_script(page)
    page.keyboard.press("z")
    expect(page.get_by_text("Undone.")).to_be_visible()
    expect_cards(page, "Travel", "Italy", "Rome")

    wait_for_script(page)
    page.keyboard.press("ControlOrMeta+a")
    expect(count).to_have_text("3 albums selected")
    page.keyboard.press("Escape")
    expect(count).to_have_count(0)
    box(page, "Travel").focus()
    page.keyboard.press("Space")
    box(page, "Rome").focus()
    page.keyboard.press("Space")
    expect(count).to_have_text("2 albums selected")
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 albums were moved to the trash.")).to_be_visible()
    expect_cards(page, "Italy")
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect_cards(page, "Travel", "Italy", "Rome")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_albums_are_pinned_and_nested_by_touch(open_page: OpenPage, has_script: bool) -> None:
    page = open_page(viewport=PHONE, has_touch=True, java_script_enabled=has_script, records_console=has_script)
    create_albums(page, "Rome", "Travel")

    if has_script:
        press_long(page.locator(".card__link", has_text="Travel"))
        expect(page.get_by_role("status").filter(has_text="1 album selected")).to_be_visible()
        ensure_accessible(page, "selected")
        page.get_by_role("button", name="Clear").tap()
    page.get_by_role("link", name="Select").tap()
    box(page, "Rome").tap()
    page.get_by_role("button", name="Pin").tap()
    expect(page.get_by_text("Rome was pinned.")).to_be_visible()
    expect_cards(page, "Pinned: Rome", "Travel")
    ensure_accessible(page, "pinned") if has_script else None

    page.get_by_role("link", name="Done").tap()
    page.locator(".card__link", has_text="Travel").tap()
    page.locator(".album-head summary", has_text="More actions").tap()
    page.get_by_role("link", name="New album inside").tap()
    page.get_by_label("Title").fill("Italy")
    page.get_by_label("Description").fill(
        "Two weeks in summer by train, from Milan to Palermo and back again along the other coast."
    )
    page.get_by_role("main").get_by_role("button", name="Create album").tap()
    expect(page.get_by_role("heading", name="Italy")).to_be_visible()
    page.get_by_text("more", exact=True).tap()
    expect(page.locator(".about__full")).to_be_visible()
    ensure_accessible(page, "nested") if has_script else None
    page.get_by_role("link", name="Back to Travel").tap()
    page.get_by_role("list", name="Albums inside").get_by_role("link", name="Italy").tap()
    page.locator(".album-head summary", has_text="More actions").tap()
    page.get_by_role("button", name="Move to album").tap()
    page.get_by_role("button", name="Top level").tap()
    expect(page.get_by_text("Italy was moved to the top level.")).to_be_visible()
    expect(page.get_by_role("navigation", name="Path")).to_have_count(0)
    page.get_by_role("button", name="Undo").tap()
    expect(page.get_by_role("navigation", name="Path")).to_be_visible()


def test_all_albums_of_the_list_are_selected_not_only_those_of_the_page(
    open_page: OpenPage, installation: Installation, account: Account
) -> None:
    """By keyboard and mouse; by touch; and without a script."""
    installation.manage("shell", "--no-imports", "-c", MANY.format(name=account.name))
    page = open_page()
    page.goto("/albums/")
    count = page.get_by_role("status").filter(has_text="selected")
    page.wait_for_function("() => customElements.get('album-selection')")
    page.keyboard.press("ControlOrMeta+a")
    expect(count).to_have_text("70 albums selected")
    page.locator(".card").first.locator(".card__link").click()
    expect(count).to_have_text("69 albums selected")
    ensure_accessible(page, "all selected")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("69 albums were archived.")).to_be_visible()
    expect(page.locator(".card")).to_have_count(1)
    page.wait_for_function("() => customElements.get('toast-list')")
    page.keyboard.press("z")
    expect(page.get_by_text("Undone.")).to_be_visible()

    for has_script in (True, False):
        phone = open_page(viewport=PHONE, has_touch=True, java_script_enabled=has_script, records_console=has_script)
        phone.goto("/albums/?select=1")
        if has_script:
            phone.wait_for_function("() => customElements.get('album-selection')")
        phone.get_by_label("All 70").tap()
        if has_script:
            expect(phone.get_by_role("status").filter(has_text="selected")).to_have_text("70 albums selected")
            ensure_accessible(phone, "all selected by touch")
        phone.get_by_role("button", name="Pin").tap()
        expect(phone.get_by_text("70 albums were pinned.")).to_be_visible()
        phone.get_by_role("button", name="Undo").tap()
        expect(phone.get_by_text("Undone.")).to_be_visible()
