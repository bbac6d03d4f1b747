"""To the trash and back, as a person does it."""

import json

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, listen, new_album, sign_in
from tests.browser.desk import pictures, send
from tests.browser.looking import SCHEMES, ensure_accessible, unheard_page
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


def fill(page: Page, installation: Installation, count: int) -> str:
    """The address of a new album with so many photos."""
    installation.start("run_huey")
    address = new_album(page)
    send(page, pictures(count))
    expect(page.locator(".report")).to_contain_text(f"{count} photos added")
    installation.stop("run_huey")
    return address


def move_to_trash(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("status").filter(has_text=f"{name} was moved to the trash.")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_photo_goes_to_the_trash_and_is_back_with_one_click(
    page: Page, installation: Installation, size: ViewportSize
) -> None:
    page.set_viewport_size(size)
    fill(page, installation, 3)

    move_to_trash(page, "IMG_0002.JPG")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator("#photo-count")).to_have_text("2 photos")
    expect(page.get_by_role("link", name="Trash (1)")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("IMG_0002.JPG was put back.")).to_be_visible()
    names = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert names == ["IMG_0001.JPG", "IMG_0002.JPG", "IMG_0003.JPG"]
    expect(page.get_by_role("link", name="Trash (")).to_have_count(0)


def test_everything_in_the_trash_works_without_javascript(
    chromium: Browser, page: Page, installation: Installation, complaints: list[str]
) -> None:
    address = fill(page, installation, 4)
    context = chromium.new_context(viewport=PHONE, base_url=installation.url, java_script_enabled=False)
    plain = context.new_page()
    listen(plain, complaints)
    sign_in(plain)
    for number in (1, 2, 3):
        plain.goto(address)
        move_to_trash(plain, f"IMG_000{number}.JPG")

    plain.get_by_role("link", name="Trash (3)").click()
    expect(plain.locator(".trashed")).to_have_count(3)
    plain.get_by_role("button", name="Put back IMG_0001.JPG").click()
    expect(plain.locator(".trashed")).to_have_count(2)
    plain.get_by_role("link", name="Delete IMG_0002.JPG for ever").click()
    plain.get_by_role("button", name="Delete for ever").click()
    expect(plain.locator(".trashed")).to_have_count(1)
    plain.get_by_role("link", name="Empty trash").click()
    plain.get_by_role("button", name="Delete 1 photo for ever").click()

    expect(plain.get_by_text("1 photo was deleted for ever.")).to_be_visible()
    expect(plain.locator(".tile")).to_have_count(2)
    context.close()
    assert installation.ask("SELECT count(*) FROM albums_photo") == [(2,)]
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["orphans"]) == ([], [])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_message_with_its_way_back(
    chromium: Browser, page: Page, installation: Installation, size: ViewportSize
) -> None:
    address = fill(page, installation, 2)
    for scheme in SCHEMES:
        with unheard_page(chromium, installation, size, scheme) as unheard:
            sign_in(unheard)
            unheard.goto(address)
            move_to_trash(unheard, "IMG_0001.JPG")
            ensure_accessible(unheard)
            unheard.get_by_role("button", name="Undo").click()
            expect(unheard.locator(".tile")).to_have_count(2)
