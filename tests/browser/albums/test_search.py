"""Searching photos: by mouse and keyboard, by touch, and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.albums.test_grid import serve_renditions, tiles
from tests.browser.conftest import PHONE, OpenPage, new_album, wait_for_script
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

FILL = """
from albums.models import Album
from tests.albums.grid.filling import fill, taken
album = Album.objects.get(pk={album})
fill(album, 150, caption="Beach <b>at dusk</b>", taken_at=taken("2025-01-15T12:00"), camera="Canon EOS 5D")
fill(album, 3, caption="Mountain", taken_at=taken("2025-03-15T12:00"), edited_rating=5)
"""
COUNT = "#search-count"


def fill(page: Page, installation: Installation) -> str:
    """Create an album with 150 photos of a beach and three newer ones of a mountain, and return its URL."""
    address = new_album(page, "Brittany")
    album = address.rstrip("/").rpartition("/")[2]
    installation.manage("shell", "--no-imports", "-c", FILL.format(album=album))
    serve_renditions(page)
    page.goto(address)
    return address


def test_photos_are_found_by_keyboard_and_the_viewer_stays_within_the_results(
    page: Page, installation: Installation
) -> None:
    fill(page, installation)
    page.keyboard.press("/")
    field = page.get_by_role("searchbox", name="Search photos")
    expect(field).to_be_focused()
    page.keyboard.type("beach taken:2025-01 colour:blue")
    expect(page.locator(COUNT)).to_contain_text("0 photos")
    expect(page.locator(COUNT)).to_contain_text("“colour:” is not a qualifier.")
    field.fill("")
    expect(page.locator(COUNT)).to_be_hidden()
    page.keyboard.type("beach")  # the letters are no shortcuts
    expect(page.locator(COUNT)).to_have_text("150 photos")
    page.keyboard.press("Enter")

    page.wait_for_url("**/search/?q=beach")
    expect(tiles(page)).to_have_count(100)
    ensure_accessible(page, "results")
    tiles(page).last.scroll_into_view_if_needed()
    expect(tiles(page)).to_have_count(150)
    last = tiles(page).last
    last.scroll_into_view_if_needed()
    last.get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/photos/\d+/\?q=beach$"))
    expect(page.get_by_role("link", name="Next photo")).to_have_count(0)  # the mountains are newer, and not found
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("link", name="Next photo")).to_have_count(1)
    assert page.url.endswith("?q=beach")
    wait_for_script(page)
    page.keyboard.press("4")
    expect(page.get_by_role("img", name="Rated 4 of 5")).to_be_visible()
    assert page.url.endswith("?q=beach")
    wait_for_script(page)
    page.keyboard.press("Escape")

    page.wait_for_url(re.compile(r"/search/\?q=beach&from=-?\d+-\d+$"))
    expect(last).to_be_in_viewport()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("is:raw nothing")  # replaces the selected text
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No photos found")).to_be_visible()
    ensure_accessible(page, "nothing found")


def test_photos_are_found_by_touch_in_one_album_or_in_all(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(viewport=PHONE, has_touch=True, color_scheme="dark")
    fill(page, installation)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").tap()
    page.wait_for_url("**/search/")
    expect(page.get_by_role("heading", name="Examples")).to_be_visible()
    ensure_accessible(page, "examples")
    page.get_by_role("link", name="rating:>=4 -type:raw").tap()
    expect(tiles(page)).to_have_count(3)
    expect(page.locator("#search-count")).to_have_text("3 photos")

    page.goto(f"{page.url}&album={new_album(page, 'Empty').rstrip('/').rpartition('/')[2]}")
    expect(page.get_by_role("searchbox", name="Search photos of Empty")).to_have_value("rating:>=4 -type:raw")
    expect(page.get_by_role("heading", name="No photos found")).to_be_visible()
    ensure_accessible(page, "search of an album")
    page.get_by_role("link", name="Search all albums").first.tap()
    expect(tiles(page)).to_have_count(3)
    tiles(page).first.tap()
    page.wait_for_url(re.compile(r"/photos/\d+/\?q="))
    page.get_by_role("link", name="Back to the search results").tap()
    expect(tiles(page)).to_have_count(3)


def test_without_javascript_a_search_is_a_form(page: Page, open_page: OpenPage, installation: Installation) -> None:
    fill(page, installation)
    plain = open_page(java_script_enabled=False)
    serve_renditions(plain)
    plain.goto("/albums/")
    plain.get_by_role("searchbox", name="Search photos").fill("camera:canon")
    plain.get_by_role("searchbox", name="Search photos").press("Enter")

    expect(plain.locator("#search-count")).to_have_text("150 photos")
    plain.get_by_role("link", name="Next photos").click()
    expect(tiles(plain)).to_have_count(50)
    plain.get_by_role("link", name="Previous photos").click()
    expect(tiles(plain)).to_have_count(100)
