"""The page of similar photos: keeping the sharpest one or all, by keyboard, by touch and without JavaScript."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.albums.test_grid import serve_renditions
from tests.browser.conftest import PHONE, OpenPage, new_album
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

FILL = """
from albums.similar import hashes
from albums.models import Album
from tests.albums.grid.filling import fill

for number, photo in enumerate(fill(Album.objects.get(pk={album}), 6)):
    hashes.save_hash(photo, ("0123456789abcdef", "fedcba9876543210", "0f0f33335555aaaa")[number // 2])
"""
LEFT = "SELECT count(*) FROM albums_photo WHERE album_id = {} AND trashed_at IS NULL"


def test_of_similar_photos_the_sharpest_or_all_are_kept(
    page: Page, open_page: OpenPage, installation: Installation
) -> None:
    album = new_album(page, "Bursts").rstrip("/").rpartition("/")[2]
    installation.manage("shell", "--no-imports", "-c", FILL.format(album=album))
    url = f"/albums/{album}/similar/"
    phone = open_page(viewport=PHONE, has_touch=True, color_scheme="dark")
    plain = open_page(java_script_enabled=False)
    for each in (page, phone, plain):
        serve_renditions(each)

    page.goto(url)
    expect(groups(page)).to_have_count(3)
    ensure_accessible(page, "similar photos")
    groups(page).first.get_by_role("button", name="Delete selected").focus()
    page.keyboard.press("Enter")
    expect(groups(page)).to_have_count(2)
    assert installation.ask(LEFT.format(album)) == [(5,)]

    phone.goto(url)
    ensure_accessible(phone, "similar photos on a phone")
    groups(phone).first.get_by_role("button", name="Keep both").tap()
    expect(groups(phone)).to_have_count(1)
    assert installation.ask(LEFT.format(album)) == [(5,)]

    plain.goto(url)
    for checkbox in groups(plain).first.get_by_role("checkbox").all():
        checkbox.check()
    groups(plain).first.get_by_role("button", name="Delete selected").click()
    expect(plain.get_by_role("heading", name="No similar photos")).to_be_visible()
    assert installation.ask(LEFT.format(album)) == [(3,)]


def groups(page: Page) -> Locator:
    return page.locator(".similar")
