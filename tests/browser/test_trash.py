"""To the trash and back, as a person does it."""

import json

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import album_of, choose, pictures, send, title
from tests.browser.looking import SCHEMES, ensure_accessible, ensure_seen
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]


def fill(page: Page, count: int) -> str:
    """The address of a new album with so many photos, which a worker developed."""
    address = new_album(page)
    send(page, pictures(count))
    expect(page.locator(".report")).to_contain_text(f"{count} photos added")
    return address


def ensure_only_gone(complaints: list[str]) -> None:
    """htmx and the browser complain of each answer that is an error, and here the album's are."""
    assert [said for said in complaints if "410" not in said and "404" not in said] == []
    complaints.clear()


def move_to_trash(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_role("status").filter(has_text=f"{name} was moved to the trash.")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_photo_goes_to_the_trash_and_is_back_with_one_click(page: Page, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    fill(page, 3)

    move_to_trash(page, "IMG_0002.JPG")
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator("#photo-count")).to_have_text("2 photos")
    expect(page.get_by_role("link", name="Trash (1)")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("IMG_0002.JPG was restored.")).to_be_visible()
    names = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert names == ["IMG_0001.JPG", "IMG_0002.JPG", "IMG_0003.JPG"]
    expect(page.get_by_role("link", name="Trash (")).to_have_count(0)


def test_everything_in_the_trash_works_without_javascript(
    page: Page, open_page: OpenPage, installation: Installation
) -> None:
    address = fill(page, 4)
    plain = open_page(viewport=PHONE, java_script_enabled=False)
    for number in (1, 2, 3):
        plain.goto(address)
        move_to_trash(plain, f"IMG_000{number}.JPG")

    plain.get_by_role("link", name="Trash (3)").click()
    expect(plain.locator(".trashed")).to_have_count(3)
    plain.get_by_role("button", name="Restore IMG_0001.JPG").click()
    expect(plain.locator(".trashed")).to_have_count(2)
    plain.get_by_role("link", name="Delete IMG_0002.JPG permanently").click()
    plain.get_by_role("button", name="Delete permanently").click()
    expect(plain.locator(".trashed")).to_have_count(1)
    plain.get_by_role("link", name="Empty trash").click()
    plain.get_by_role("button", name="Delete 1 photo permanently").click()

    expect(plain.get_by_text("1 photo was deleted permanently.")).to_be_visible()
    expect(plain.locator(".tile")).to_have_count(2)
    assert installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {album_of(plain)}") == [(2,)]
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["orphans"]) == ([], [])


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_in_the_message_with_its_way_back(
    page: Page, open_page: OpenPage, size: ViewportSize
) -> None:
    address = fill(page, 2)
    for scheme in SCHEMES:
        unheard = open_page(viewport=size, color_scheme=scheme, is_heard=False)
        unheard.goto(address)
        move_to_trash(unheard, "IMG_0001.JPG")
        ensure_accessible(unheard)
        unheard.get_by_role("button", name="Undo").click()
        expect(unheard.locator(".tile")).to_have_count(2)


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no script"])
def test_a_deleted_album_is_back_with_one_click(
    page: Page, open_page: OpenPage, installation: Installation, has_script: bool
) -> None:
    address = fill(page, 2)
    plain = open_page(viewport=PHONE, java_script_enabled=has_script, is_heard=False)
    plain.goto(address)
    number = album_of(plain)

    plain.get_by_role("link", name="Delete").click()
    plain.get_by_role("button", name="Move to trash").click()
    expect(plain.get_by_text("was moved to the trash.")).to_be_visible()
    expect(plain.locator(".card")).to_have_count(0)
    plain.get_by_role("button", name="Undo").click()

    expect(plain.locator(".tile")).to_have_count(2)
    plain.get_by_role("link", name="Delete").click()
    plain.get_by_role("button", name="Move to trash").click()
    plain.get_by_role("link", name="Trash (1)").click()
    ensure_seen(plain) if has_script else None
    plain.get_by_role("link", name="permanently").click()
    plain.get_by_role("button", name="Delete permanently").click()
    expect(plain.get_by_text("was deleted permanently.")).to_be_visible()
    assert installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {number}") == [(0,)]
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["orphans"]) == ([], [])


def test_a_page_whose_album_is_deleted_elsewhere_says_so_and_shows_no_success(
    page: Page, installation: Installation, complaints: list[str]
) -> None:
    installation.stop("run_huey", seconds=200)
    address = new_album(page)
    send(page, pictures(3))
    title(page, "Upload complete: 3 uploaded")
    other = page.context.new_page()

    other.goto(f"{address}delete/")
    other.get_by_role("button", name="Move to trash").click()

    note = page.locator("connection-status")
    expect(note).to_contain_text("This album is in the trash.")
    expect(page.locator("[data-uploader]")).to_be_hidden()
    expect(page.locator("#upload-panel")).to_be_hidden()
    page.get_by_role("link", name="Restore it").click()
    page.get_by_role("button", name="Restore album").click()
    expect(page.locator("#upload-panel")).to_contain_text("0 of 3")
    other.goto(f"{address}delete/")
    other.get_by_role("button", name="Move to trash").click()
    other.goto(f"{address}delete-permanently/")
    other.get_by_role("button", name="Delete permanently").click()

    expect(note).to_contain_text("This")  # in the trash, or deleted already
    page.reload()
    expect(page.get_by_role("heading")).to_have_text("Page not found")
    ensure_only_gone(complaints)


def test_photos_that_were_chosen_for_a_deleted_album_stay_listed(open_page: OpenPage) -> None:
    page = open_page(is_heard=False)
    address = new_album(page)
    choose(page, pictures(2))
    other = page.context.new_page()
    other.goto(f"{address}delete/")
    other.get_by_role("button", name="Move to trash").click()

    page.get_by_role("button", name="Upload 2 photos").click()

    expect(page.locator("connection-status")).to_contain_text("This album is in the trash.")
    title(page, "2 files not uploaded")
    expect(page.locator(".file-row")).to_have_count(2)
    expect(page.get_by_role("button", name="Browse files")).to_be_hidden()
    ensure_accessible(page)
