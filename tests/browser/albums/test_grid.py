"""The grid of an album with more photos than one window: scrolling, Back, keyboard, months and views."""

from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import pictures, send
from tests.browser.looking import Scheme, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

FILL = """
from albums.models import Album
from tests.albums.grid.filling import fill, taken
album = Album.objects.get(pk={album})
for month in {months}:
    fill(album, {count}, taken_at=taken(f"2025-{{month:02}}-15T12:00"), placeholder="{placeholder}")
"""
PLACEHOLDER = "data:image/webp;base64,UklGRioAAABXRUJQVlA4IB4AAACQAQCdASoIAAUAB0CWJaQAAuab25AA/VOdOIQAAAA="
FIRST_VISIBLE = """() => {
  const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.getBoundingClientRect().bottom > 0);
  return [tile.id, Math.round(tile.getBoundingClientRect().top)];
}"""
IS_RECORDED = """() => {
  const tile = [...document.querySelectorAll(".tile")].find((tile) => tile.getBoundingClientRect().bottom > 0);
  const recorded = history.state?.grid;
  return recorded?.position === tile.dataset.position && Math.abs(recorded.top - tile.getBoundingClientRect().top) < 1;
}"""
"""Whether the history entry has the position that is on the screen: it is recorded when scrolling has ended."""
TOP = "tile => tile.getBoundingClientRect().top"
POSITIONS = "tiles => tiles.map((tile) => Number(tile.dataset.position))"


def webp() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (6, 4), (90, 120, 60)).save(buffer, "WEBP")
    return buffer.getvalue()


def serve_renditions(page: Page) -> None:
    """Return a picture for the photos of `fill`, which have no files."""
    page.route("**/photos/*/*/*.webp", lambda route: route.fulfill(body=webp(), content_type="image/webp"))


def fill(page: Page, installation: Installation, months: tuple[int, ...] = (1, 2, 3), count: int = 80) -> str:
    """Create an album with `count` photos of each month, open it, and return its URL."""
    address = new_album(page)
    album = address.rstrip("/").rpartition("/")[2]
    code = FILL.format(album=album, months=months, count=count, placeholder=PLACEHOLDER)
    installation.manage("shell", "--no-imports", "-c", code)
    serve_renditions(page)
    page.goto(address)
    return address


def tiles(page: Page) -> Locator:
    return page.locator("#photo-grid > .tile")


def position_of(month: Locator) -> str:
    """Return the position that the link leads to. The address of the page changes as soon as earlier photos are loaded."""
    return (month.get_attribute("href") or "").rpartition("=")[2]


def scroll_to_end(page: Page, count: int) -> None:
    """Scroll to the last photo that is loaded, until there are that many."""
    while tiles(page).count() < count:
        loaded = tiles(page).count()
        tiles(page).last.scroll_into_view_if_needed()
        expect(tiles(page)).not_to_have_count(loaded)


def test_scrolling_loads_all_windows_in_order(page: Page, installation: Installation) -> None:
    fill(page, installation)
    expect(tiles(page)).to_have_count(100)

    scroll_to_end(page, 240)

    positions = tiles(page).evaluate_all(POSITIONS)
    assert positions == sorted(set(positions))
    assert len(positions) == 240
    expect(page.get_by_role("link", name="Next photos")).to_have_count(0)


def test_without_javascript_windows_are_pages(page: Page, open_page: OpenPage, installation: Installation) -> None:
    address = fill(page, installation)
    no_script_page = open_page(viewport=PHONE, java_script_enabled=False)
    serve_renditions(no_script_page)
    no_script_page.goto(address)

    for count in (100, 40):
        no_script_page.get_by_role("link", name="Next photos").click()
        expect(tiles(no_script_page)).to_have_count(count)
    no_script_page.get_by_role("link", name="Previous photos").click()
    expect(tiles(no_script_page)).to_have_count(100)
    no_script_page.locator(".view-menu > summary").click()
    no_script_page.get_by_role("radio", name="Squares").check()
    no_script_page.get_by_role("button", name="Apply").click()
    expect(no_script_page.locator("#photo-grid")).to_have_class("grid grid--squares grid--medium")
    expect(no_script_page.get_by_role("link", name="Previous photos")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_back_returns_to_the_photo_that_was_opened(
    open_page: OpenPage, installation: Installation, size: ViewportSize
) -> None:
    page = open_page(viewport=size, has_touch=size == PHONE)
    fill(page, installation)
    scroll_to_end(page, 200)
    tile = tiles(page).nth(150)
    tile.scroll_into_view_if_needed()
    tile_id = tile.get_attribute("id")
    link = tile.locator("a")
    (link.tap if size == PHONE else link.click)()
    page.wait_for_url("**/photos/*/")

    page.go_back()

    opened = page.locator(f"#{tile_id}")
    expect(opened.locator("a")).to_be_focused()
    expect(opened).to_be_in_viewport()
    assert page.url.partition("?")[2].startswith("from=")


@pytest.mark.parametrize("close", ["Escape", "Back"])
def test_the_photo_shown_last_is_visible_on_return_also_from_another_window(
    page: Page, installation: Installation, close: str
) -> None:
    fill(page, installation)
    tiles(page).first.locator("a").click()
    page.wait_for_url("**/photos/*/")
    strip = page.get_by_role("navigation", name="Photos of the album").get_by_role("link")
    for _ in range(16):  # more than a window of photos
        photo_path = strip.last.get_attribute("href")
        strip.last.click()
        page.wait_for_url(f"**{photo_path}")
        expect(strip.and_(page.locator("[aria-current]"))).to_have_attribute("href", photo_path or "")

    page.keyboard.press("Escape") if close == "Escape" else page.go_back()

    page.wait_for_url("**/albums/*/?from=*")
    photo = page.locator(f"#photo-{(photo_path or '').strip('/').rpartition('/')[2]}")
    expect(photo.locator("a")).to_be_focused()
    expect(photo).to_be_in_viewport()


def test_a_reload_keeps_the_scroll_position(page: Page, installation: Installation) -> None:
    fill(page, installation)
    scroll_to_end(page, 200)
    tiles(page).nth(120).evaluate("tile => tile.scrollIntoView({ behavior: 'instant' })")
    page.wait_for_function(IS_RECORDED)
    tile_id, top = page.evaluate(FIRST_VISIBLE)

    page.reload()

    page.wait_for_function(f"() => document.getElementById('{tile_id}').getBoundingClientRect().top < 5")
    assert abs(page.locator(f"#{tile_id}").evaluate(TOP) - top) < 5


def test_photos_stay_in_their_place_when_earlier_ones_are_loaded(page: Page, installation: Installation) -> None:
    address = fill(page, installation)
    first = tiles(page).nth(90)
    position, tile_id = first.get_attribute("data-position"), first.get_attribute("id")

    page.goto(f"{address}?from={position}")
    expect(page.get_by_role("link", name="Previous photos")).to_have_count(0)

    assert page.evaluate("scrollY") > 0
    expect(page.locator(f"#{tile_id}")).to_be_in_viewport()
    positions = tiles(page).evaluate_all(POSITIONS)
    assert positions == sorted(set(positions))


def test_arrow_keys_move_between_photos(page: Page, installation: Installation) -> None:
    fill(page, installation, months=(1,))
    links = page.locator("#photo-grid a")
    for name in ("Skip to content", "Skip to photos"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
        page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    below = page.evaluate("document.activeElement.getBoundingClientRect().top")
    assert below > links.first.bounding_box()["y"]
    page.keyboard.press("ArrowUp")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(links.last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(links.first).to_be_focused()


def test_the_view_changes_at_once_and_is_remembered(page: Page, installation: Installation) -> None:
    fill(page, installation, months=(1,))
    grid = page.locator("#photo-grid")
    page.locator(".view-menu > summary").press("Enter")

    for name, classes in (("Squares", "grid--squares grid--medium"), ("Large", "grid--squares grid--large")):
        with page.expect_response("**/view/") as response:
            page.get_by_role("radio", name=name).check()
        assert response.value.status == 204
        expect(grid).to_have_class(f"grid {classes}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("radio", name="Large")).to_be_hidden()
    expect(page.locator(".view-menu > summary")).to_be_focused()
    page.reload()
    expect(grid).to_have_class("grid grid--squares grid--large")


def test_photos_in_rows_have_their_shape_before_they_are_loaded(page: Page, installation: Installation) -> None:
    fill(page, installation, months=(1,))
    page.route("**/photos/*/*/*.webp", lambda route: None)  # never finishes
    page.reload(wait_until="commit")
    expect(tiles(page)).to_have_count(80)
    expect(page.locator("#photo-grid")).to_have_css("display", "flex")  # the style sheet is loaded

    box = tiles(page).first.bounding_box()
    assert abs(box["width"] / box["height"] - 1.5) < 0.02
    expect(tiles(page).first.locator("img")).to_have_css("background-image", f'url("{PLACEHOLDER}")')


def test_months_lead_to_their_first_photo(page: Page, installation: Installation) -> None:
    fill(page, installation)
    rail = page.get_by_role("navigation", name="Months")
    expect(rail.get_by_role("link")).to_have_text(["Jan 2025 80 photos", "Feb 2025 80 photos", "Mar 2025 80 photos"])

    link = rail.get_by_role("link", name="Mar 2025")
    first = position_of(link)

    link.click()

    page.wait_for_url("**/?from=*")
    expect(page.locator(f'[data-position="{first}"]')).to_be_in_viewport()


def test_months_are_in_the_menu_on_a_phone(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    fill(page, installation)
    expect(page.get_by_role("navigation", name="Months")).to_be_hidden()

    page.locator(".view-menu > summary").tap()
    page.get_by_role("link", name="Go to month").tap()
    link = page.get_by_role("link", name="Feb 2025")
    first = position_of(link)

    link.tap()

    page.wait_for_url("**/?from=*")
    expect(page.get_by_role("link", name="Previous photos")).to_have_count(0)  # all earlier photos are loaded
    expect(page.locator(f'[data-position="{first}"]')).to_be_in_viewport()


@pytest.mark.usefixtures("worker")
def test_a_new_photo_is_shown_once_at_the_end_when_the_end_is_loaded(page: Page, installation: Installation) -> None:
    fill(page, installation)
    send(page, pictures(1, name="NEW.JPG"))

    expect(page.locator("#photo-count")).to_have_text("241 photos")
    expect(tiles(page)).to_have_count(100)
    scroll_to_end(page, 241)
    assert tiles(page).last.locator("img").get_attribute("alt") == "NEW.JPG"
    assert len(set(tiles(page).evaluate_all(POSITIONS))) == 241


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_long_albums_are_accessible(
    open_page: OpenPage, installation: Installation, size: ViewportSize, scheme: Scheme
) -> None:
    page = open_page(viewport=size, color_scheme=scheme, records_console=False)
    address = fill(page, installation)
    if size == DESKTOP:
        expect(page.get_by_role("link", name="Mar 2025")).to_be_visible()
    ensure_accessible(page, "long album")
    page.locator(".view-menu > summary").click()
    ensure_accessible(page, "menu")
    page.goto(f"{address}months/")
    ensure_accessible(page, "months")
