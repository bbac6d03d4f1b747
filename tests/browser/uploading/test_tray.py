"""The tray on other pages of the site, files dropped on albums, and the tiles of files that are being uploaded."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import album_of, choose_folder, drop, expect_title, large, pictures, send, states
from tests.browser.gate import Gate
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PHOTO_TILES = ".tile:not(.tile--pending)"
RECORD_TILES = """() => {
  const grid = document.querySelector("#photo-grid");
  window.orders = new Set();
  const names = () => [...grid.children].map((tile) => tile.dataset.name ?? tile.querySelector("img").alt).join();
  new MutationObserver(() => window.orders.add(names())).observe(grid, { childList: true });
}"""
"""Records the files that have tiles, in order, after each change."""
SUM_SHIFTS = """
[window.shift, window.moved] = [0, []];
new PerformanceObserver((list) => list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput).forEach((entry) => {
  window.shift += entry.value;
  window.moved.push([entry.value, ...entry.sources.map(({ node }) => node?.className ?? node?.nodeName)].join());
})).observe({ type: "layout-shift", buffered: true });
"""
"""Sums up the layout shift that no input has caused, and records what moved."""


@pytest.mark.usefixtures("worker")
def test_each_file_has_one_tile_from_the_moment_it_is_added(page: Page, gate: Gate) -> None:
    new_album(page)
    page.evaluate(RECORD_TILES)
    gate.hold(after_requests=2)

    send(page, large(5))

    expect(page.locator(PHOTO_TILES)).to_have_count(2)
    expect(page.locator(".tile--pending")).to_have_count(3)
    gate.release()
    expect(page.locator(PHOTO_TILES)).to_have_count(5)
    expect(page.locator(".tile--pending")).to_have_count(0)
    # A file never had two tiles or none. Photos are in the order in which the server knew of them, which three lines may change.
    names = [f"IMG_000{number}.JPG" for number in range(1, 6)]
    assert {",".join(sorted(order.split(","))) for order in page.evaluate("[...window.orders]")} == {",".join(names)}


@pytest.mark.usefixtures("worker")
def test_a_report_without_problems_disappears_by_itself_unless_it_is_used(page: Page) -> None:
    page.clock.install()
    new_album(page)
    send(page, pictures(1, (30, 20)))
    expect(page.locator(".report")).to_contain_text("1 photo added")

    page.get_by_role("link", name="Receipt").focus()
    page.clock.run_for(130_000)
    expect(page.locator(".report")).to_be_visible()
    page.locator("main").focus()
    page.clock.run_for(130_000)

    expect(page.locator("[data-tray]")).to_be_hidden()


def test_of_many_files_only_the_first_hundred_have_tiles(page: Page, gate: Gate) -> None:
    new_album(page)
    gate.hold()

    send(page, pictures(120, (8, 8)))

    expect(page.locator(".tile--pending")).to_have_count(100)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_photos_that_become_ready_move_nothing(open_page: OpenPage, gate: Gate, size: ViewportSize) -> None:
    page = open_page(viewport=size)
    page.add_init_script(SUM_SHIFTS)
    new_album(page)
    shapes = [(90, 60), (60, 90), (80, 80), (120, 50), (64, 48)]
    photos = [pictures(1, shapes[n % 5], f"IMG_{n:04}.JPG")[0] for n in range(30)]

    send(page, photos[:7])
    expect(page.locator(PHOTO_TILES)).to_have_count(7)
    expect(page.locator(".file-row")).to_have_count(0)
    gate.hold()
    send(page, photos[7:])
    expect(page.locator(".tile--pending")).to_have_count(23)
    gate.release()

    expect(page.locator(PHOTO_TILES)).to_have_count(30, timeout=300_000)
    expect(page.locator(".report")).to_contain_text("23 photos added")
    assert page.evaluate("window.shift") < 0.02, "\n".join(page.evaluate("window.moved"))


@pytest.mark.usefixtures("no_worker")
def test_an_upload_continues_while_links_lead_to_other_pages(
    open_page: OpenPage, installation: Installation, gate: Gate
) -> None:
    page = open_page(records_console=False)  # axe causes errors on it
    address = new_album(page)
    page.evaluate("window.isSameDocument = true")
    gate.hold()
    send(page, large(4))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.get_by_role("link", name="Albums").first.click()
    expect(page.get_by_role("heading", name="Albums")).to_be_visible()
    expect(page).to_have_title("Albums · Darkroom")
    ensure_accessible(page, "another page")
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.go_back()
    expect(page.get_by_role("heading", name="Summer in the Alps")).to_be_visible()
    expect(page).to_have_url(address)
    expect(page.locator(".tile--pending")).to_have_count(4)
    page.go_forward()
    expect(page.get_by_role("heading", name="Albums")).to_be_visible()
    assert page.evaluate("window.isSameDocument") is True
    gate.release()

    expect_title(page, "Upload complete: 4 uploaded")
    page.goto(address)
    assert states(installation, page) == {"received": 4}


def test_links_load_whole_pages_when_nothing_is_uploaded(page: Page) -> None:
    new_album(page)
    page.evaluate("window.isSameDocument = true")

    page.get_by_role("link", name="Albums").first.click()
    page.wait_for_url("**/albums/")

    assert page.evaluate("window.isSameDocument") is None


@pytest.mark.usefixtures("worker")
def test_photos_do_not_appear_in_the_grid_of_another_album(page: Page, gate: Gate) -> None:
    new_album(page, "Other")
    new_album(page)
    gate.hold(after_requests=2)
    send(page, large(5))
    expect(page.locator(PHOTO_TILES)).to_have_count(2)

    page.get_by_role("link", name="Albums").first.click()
    page.get_by_role("link", name="Other").click()
    expect(page.get_by_role("heading", name="Other")).to_be_visible()
    gate.release()

    expect(page.locator(".report")).to_contain_text("5 photos added")
    expect(page.locator(".tile")).to_have_count(0)


def drop_target(page: Page, target: str) -> None:
    """Mark the page's content as the place where files are dropped for an album."""
    page.locator("main").evaluate("(main, target) => (main.dataset.dropTarget = target)", target)


@pytest.mark.usefixtures("no_worker")
def test_a_page_whose_album_is_deleted_elsewhere_says_only_that(page: Page, console_errors: list[str]) -> None:
    address = new_album(page)
    send(page, pictures(2))
    expect_title(page, "Upload complete: 2 uploaded")
    other_tab = page.context.new_page()
    other_tab.goto(f"{address}delete/")
    other_tab.get_by_role("button", name="Move to trash").click()

    expect(page.locator("[data-title]")).to_have_text("This album is in the trash")
    expect(page.locator(".file-row:visible")).to_have_count(0)
    page.get_by_role("link", name="Restore it").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name="Summer in the Alps")).to_be_visible()
    assert all("410" in error or "404" in error for error in console_errors), console_errors
    console_errors.clear()


@pytest.mark.usefixtures("no_worker")
def test_files_dropped_on_an_album_are_uploaded_to_it(page: Page, installation: Installation) -> None:
    new_album(page)
    album = album_of(page)
    page.goto("/albums/")
    drop_target(page, str(album))

    drop(page, 2, "main")

    expect_title(page, "Upload complete: 2 uploaded")
    assert album_of(page) == album
    assert states(installation, page) == {"received": 2}


@pytest.mark.usefixtures("no_worker")
def test_files_dropped_on_the_album_list_get_an_album_of_their_own(page: Page, installation: Installation) -> None:
    new_album(page)
    earlier = album_of(page)
    page.goto("/albums/")
    drop_target(page, "new")

    drop(page, 2, "main")

    expect_title(page, "Upload complete: 2 uploaded")
    assert album_of(page) > earlier
    assert states(installation, page) == {"received": 2}


@pytest.mark.usefixtures("no_worker")
def test_files_dropped_on_another_album_while_uploading_are_uploaded_too(
    page: Page, installation: Installation, gate: Gate
) -> None:
    address = new_album(page, "Other")
    other = album_of(page)
    new_album(page)
    gate.hold()
    send(page, large(3))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.get_by_role("link", name="Albums").first.click()
    page.wait_for_url("**/albums/")
    drop_target(page, str(other))

    drop(page, 2, "main")
    expect(page.locator(".file-row")).to_have_count(5)
    gate.release()

    expect_title(page, "Upload complete: 5 uploaded")
    page.goto(address)
    assert states(installation, page) == {"received": 2}


@pytest.mark.usefixtures("no_worker")
def test_a_folder_is_uploaded_on_a_phone_by_touch(
    open_page: OpenPage, tmp_path: Path, installation: Installation
) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True, records_console=False)
    new_album(page)
    choose_folder(page, tmp_path, pictures(2))
    ensure_accessible(page, "folder")

    page.get_by_text("This album", exact=True).tap()
    page.get_by_role("button", name="Upload 2 photos").tap()

    expect_title(page, "Upload complete: 2 uploaded")
    assert states(installation, page) == {"received": 2}
