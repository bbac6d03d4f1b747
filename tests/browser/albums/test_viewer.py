"""The viewer of photos: by mouse, by keyboard, by touch, and without JavaScript."""

import re
from io import BytesIO
from typing import Literal
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect

from tests.browser.accounts import Account
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import pictures, send
from tests.browser.looking import SCHEMES, ensure_accessible
from tests.installation import Installation
from tests.processing.jobs.test_grouping import MOV, TAKEN, jpeg

pytestmark = [pytest.mark.browser, pytest.mark.servers]

Motion = Literal["reduce", "no-preference"]

COUNT = 5
NAMES = [f"IMG_000{number}.JPG" for number in range(1, COUNT + 1)]
MAIN_IMAGE = ".viewer__image"
SCALE = "box => new DOMMatrix(getComputedStyle(box).transform).a"
IS_SHOWN_DECODED = """async (href) => {
  const link = document.querySelector("[rel=next]");
  const frame = () => new Promise(requestAnimationFrame);
  link.click();
  await frame();
  const image = document.querySelector(".viewer__image");
  return location.pathname === new URL(href).pathname && image.complete && image.dataset.loaded !== undefined;
}"""

RECORD_VIDEO = """async () => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: "video/webm" });
  const parts = [];
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.ondataavailable = ({ data }) => {
    parts.push(data);
    if (parts.length === 2) recorder.stop();
  };
  recorder.start(100);
  const draw = () => {
    context.fillStyle = `rgb(${parts.length}, ${performance.now() % 256}, 0)`;
    context.fillRect(0, 0, 300, 150);
    if (recorder.state === "recording") setTimeout(draw, 20);
  };
  draw();
  await stopped;
  return Array.from(new Uint8Array(await new Blob(parts).arrayBuffer()));
}"""


@pytest.fixture(scope="module")
def album(chromium: Browser, installation: Installation, administrator: Account) -> str:
    """The URL of an album with photos that no test changes in number; those of other tests have albums of their own."""
    if "run_huey" not in installation.processes:
        installation.start("run_huey")
    page = chromium.new_context(viewport=DESKTOP, base_url=installation.url).new_page()
    administrator.sign_in(page.context, installation.url)
    address = filled_album(page)
    page.context.close()
    return address


def filled_album(page: Page) -> str:
    address = new_album(page)
    send(page, pictures(COUNT))
    expect(page.locator(".report")).to_contain_text(f"{COUNT} photos added", timeout=300_000)
    return address


def open_photo(page: Page, album: str, number: int = 1) -> None:
    page.goto(album)
    page.locator(".tile a").nth(number - 1).click()
    expect_photo(page, number)


def expect_photo(page: Page, number: int) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(NAMES[number - 1])
    expect(page).to_have_title(re.compile(NAMES[number - 1]))


@pytest.fixture
def page(open_page: OpenPage, administrator: Account) -> Page:
    return open_page(administrator)


def test_photos_are_browsed_by_mouse_without_loading_pages_and_back_leads_to_the_album(page: Page, album: str) -> None:
    open_photo(page, album)
    first_url = page.url
    page.evaluate("window.isSamePage = true")

    page.get_by_role("link", name="Next photo").click()
    expect_photo(page, 2)
    second_url = page.url
    page.get_by_role("navigation", name="Photos of the album").get_by_role("link", name=NAMES[4]).click()
    expect_photo(page, 5)
    expect(page.get_by_role("link", name="Next photo")).to_have_count(0)
    expect(page.locator(".viewer__strip [aria-current]")).to_have_attribute("href", re.compile(r"/photos/\d+/"))
    page.get_by_role("link", name="Previous photo").click()
    expect_photo(page, 4)

    assert page.evaluate("window.isSamePage")
    assert len({first_url, second_url, page.url}) == 3
    page.go_back()
    expect(page).to_have_url(album)


def test_a_preloaded_photo_is_shown_decoded_in_the_next_frame(page: Page, album: str) -> None:
    open_photo(page, album)
    following = page.get_by_role("link", name="Next photo").get_attribute("href")
    with page.expect_response(lambda response: response.url.endswith(f"{following}")):
        page.reload()
    page.wait_for_load_state("networkidle")  # both neighbours, and their pictures

    assert page.evaluate(IS_SHOWN_DECODED, urljoin(page.url, following))


def test_everything_works_by_keyboard(page: Page, album: str) -> None:
    page.goto(album)
    page.locator(".tile a").nth(1).focus()
    page.keyboard.press("Enter")
    expect_photo(page, 2)

    page.keyboard.press("ArrowRight")
    expect_photo(page, 3)
    page.keyboard.press("ArrowLeft")
    expect_photo(page, 2)
    page.keyboard.press("i")
    expect(page.get_by_role("region", name="Details")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect_photo(page, 3)
    expect(page.get_by_role("region", name="Details")).to_be_visible()  # it stays open
    page.keyboard.press("4")
    expect(page.get_by_role("img", name="Rated 4 of 5")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Undone.")).to_be_visible()
    expect(page.get_by_role("img", name="Rated")).to_have_count(0)
    page.keyboard.press("2")
    page.keyboard.press("5")  # while the server is setting two stars
    page.keyboard.press("ArrowRight")
    expect_photo(page, 4)
    page.keyboard.press("ArrowLeft")
    expect_photo(page, 3)
    expect(page.get_by_role("img", name="Rated 5 of 5")).to_be_visible()
    page.keyboard.press("0")
    expect(page.get_by_role("img", name="Rated")).to_have_count(0)
    page.keyboard.press("i")
    expect(page.get_by_role("region", name="Details")).to_be_hidden()
    page.keyboard.press("+")
    assert page.locator(".viewer__picture").evaluate(SCALE) == 1.5
    page.keyboard.press("-")
    assert page.locator(".viewer__picture").evaluate(SCALE) == 1
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowRight")  # not a shortcut while the dialog is open
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect_photo(page, 3)
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement")
    page.keyboard.press("f")
    page.wait_for_function("() => !document.fullscreenElement")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(re.escape(album)))


@pytest.mark.parametrize("size", [(1400, 450), (390, 400)], ids=["desktop", "phone"])
def test_escape_leads_to_the_photo_that_was_shown_last(page: Page, album: str, size: tuple[int, int]) -> None:
    page.set_viewport_size(ViewportSize(width=size[0], height=size[1]))
    open_photo(page, album)
    for number in range(2, COUNT + 1):
        page.keyboard.press("ArrowRight")
        expect_photo(page, number)

    page.keyboard.press("Escape")

    expect(page).to_have_url(re.compile(re.escape(album)))
    expect(page.locator(".tile a").last).to_be_focused()
    expect(page.locator(".tile").last).to_be_in_viewport(ratio=1)


def test_the_focus_stays_on_the_control_that_was_used(page: Page, album: str) -> None:
    open_photo(page, album)

    page.get_by_role("link", name="Next photo").focus()
    page.keyboard.press("Enter")
    expect_photo(page, 2)

    expect(page.get_by_role("link", name="Next photo")).to_be_focused()


def test_a_photo_is_zoomed_to_its_own_pixels_and_moved(page: Page, album: str) -> None:
    page.set_viewport_size(ViewportSize(width=600, height=500))
    open_photo(page, album)
    width = page.locator(MAIN_IMAGE).evaluate("image => Math.min(image.offsetWidth, image.offsetHeight * 1.5)")

    page.keyboard.press("z")
    assert page.locator(".viewer__picture").evaluate(SCALE) == pytest.approx(900 / width, rel=0.02)
    expect(page.locator("photo-viewer > [role=status]")).to_have_text("100 %")
    page.mouse.move(300, 250)
    page.mouse.down()
    page.mouse.move(200, 250, steps=4)
    page.mouse.up()
    assert page.locator(".viewer__picture").evaluate("box => new DOMMatrix(getComputedStyle(box).transform).e") < 0
    expect_photo(page, 1)
    page.mouse.wheel(0, 2000)
    expect(page.locator(".viewer__stage")).not_to_have_attribute("data-zoomed", "")
    page.mouse.wheel(0, -200)
    expect(page.locator(".viewer__stage")).to_have_attribute("data-zoomed", "")


def test_delete_shows_the_next_photo_and_can_be_undone(open_page: OpenPage, album: str) -> None:
    page = open_page()
    own_album = filled_album(page)
    open_photo(page, own_album, 4)

    page.keyboard.press("Delete")
    expect_photo(page, 5)
    page.get_by_role("button", name="Undo").click()
    expect_photo(page, 4)
    page.keyboard.press("Delete")
    expect_photo(page, 5)
    page.keyboard.press("Delete")
    expect_photo(page, 3)
    page.go_back()

    expect(page).to_have_url(own_album)


def test_the_slideshow_shows_the_next_photo_after_a_while_and_ends_with_the_album(page: Page, album: str) -> None:
    page.clock.install()
    open_photo(page, album, 3)
    status = page.locator("photo-viewer > [role=status]")

    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Slideshow")).to_have_attribute("aria-pressed", "true")
    page.clock.run_for(5000)
    expect_photo(page, 4)
    page.clock.run_for(5000)
    expect_photo(page, 5)

    expect(status).to_have_text("Slideshow stopped.")
    expect(page.get_by_role("button", name="Slideshow")).to_have_attribute("aria-pressed", "false")


def test_controls_fade_while_the_mouse_rests_but_not_while_one_has_the_focus(
    open_page: OpenPage, administrator: Account, album: str
) -> None:
    page = open_page(administrator, reduced_motion="no-preference")
    page.clock.install()
    open_photo(page, album)
    viewer = page.locator("photo-viewer")
    page.mouse.move(300, 300)
    page.mouse.move(310, 310)

    page.clock.run_for(3100)
    expect(viewer).to_have_attribute("data-idle", "")
    page.mouse.move(330, 330)
    expect(viewer).not_to_have_attribute("data-idle", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Back to")).to_be_focused()
    page.clock.run_for(10_000)
    expect(viewer).not_to_have_attribute("data-idle", "")
    page.mouse.move(350, 350)
    page.clock.run_for(10_000)
    expect(viewer).not_to_have_attribute("data-idle", "")  # a control still has the focus


def test_controls_stay_with_reduced_motion(page: Page, album: str) -> None:
    page.clock.install()
    open_photo(page, album)
    page.mouse.move(300, 300)
    page.mouse.move(310, 310)
    page.clock.run_for(10_000)

    expect(page.locator("photo-viewer")).not_to_have_attribute("data-idle", "")


def touch(devtools: CDPSession, kind: str, *points: tuple[int, int]) -> None:
    touch_points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touch_points})


def test_touch_swipes_pinches_and_taps(open_page: OpenPage, administrator: Account, album: str) -> None:
    page = open_page(administrator, viewport=PHONE, has_touch=True, is_mobile=True)
    open_photo(page, album)
    devtools = page.context.new_cdp_session(page)

    touch(devtools, "touchStart", (300, 400))
    touch(devtools, "touchMove", (200, 400))
    touch(devtools, "touchMove", (120, 400))
    touch(devtools, "touchEnd")
    expect_photo(page, 2)
    touch(devtools, "touchStart", (100, 400))
    touch(devtools, "touchMove", (200, 400))
    touch(devtools, "touchMove", (300, 400))
    touch(devtools, "touchEnd")
    expect_photo(page, 1)
    touch(devtools, "touchStart", (180, 400), (220, 400))
    touch(devtools, "touchMove", (140, 400), (260, 400))
    touch(devtools, "touchEnd")
    expect(page.locator(".viewer__stage")).to_have_attribute("data-zoomed", "")
    assert page.locator(".viewer__picture").evaluate(SCALE) == pytest.approx(3, rel=0.05)
    touch(devtools, "touchStart", (300, 400))
    touch(devtools, "touchMove", (200, 400))
    touch(devtools, "touchEnd")  # moves the zoomed picture
    expect_photo(page, 1)
    page.locator("#viewer-more-toggle").click()
    page.get_by_role("button", name="Zoom to 100 %").click()  # zooms out again
    expect(page.locator(".viewer__stage")).not_to_have_attribute("data-zoomed", "")
    touch(devtools, "touchStart", (200, 300))
    touch(devtools, "touchMove", (200, 420))
    touch(devtools, "touchMove", (200, 560))
    touch(devtools, "touchEnd")  # down, back to the album
    expect(page).to_have_url(re.compile(re.escape(album)))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_without_javascript_links_and_forms_do_the_same(
    open_page: OpenPage, administrator: Account, album: str, size: ViewportSize
) -> None:
    page = open_page(administrator, viewport=size, java_script_enabled=False)
    open_photo(page, album)

    page.get_by_role("link", name="Next photo").click()
    expect_photo(page, 2)
    expect(page.get_by_role("button", name="Full screen")).to_have_count(0)
    page.locator("#viewer-info-toggle").click()
    page.get_by_role("button", name="3 stars").click()
    expect(page.get_by_role("img", name="Rated 3 of 5")).to_be_visible()
    page.locator("#viewer-info-toggle").click()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("img", name="Rated")).to_have_count(0)
    page.get_by_role("link", name="Back to").click()
    expect(page).to_have_url(re.compile(rf"{re.escape(album)}.*#photo-\d+"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation_in_any_state(
    open_page: OpenPage, administrator: Account, album: str, size: ViewportSize
) -> None:
    for scheme in SCHEMES:
        page = open_page(administrator, viewport=size, color_scheme=scheme, records_console=False)
        open_photo(page, album)
        ensure_accessible(page, "photo")
        page.keyboard.press("i")
        page.locator(".drawer__technical summary").click()
        ensure_accessible(page, "details")
        page.keyboard.press("5")
        expect(page.get_by_role("img", name="Rated 5 of 5")).to_be_visible()
        ensure_accessible(page, "rated")
        page.locator("#viewer-info-toggle").click()
        page.locator("#viewer-more-toggle").click()
        ensure_accessible(page, "menu")
        page.keyboard.press("Escape")
        page.keyboard.press("+")
        ensure_accessible(page, "zoomed")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        ensure_accessible(page, "shortcuts")


def gif() -> bytes:
    """Return an animation of two frames."""
    buffer = BytesIO()
    frames = [Image.new("RGB", (120, 80), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return buffer.getvalue()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_an_animation_plays_unless_the_user_prefers_less_motion_and_can_be_paused(
    open_page: OpenPage, motion: Motion
) -> None:
    page = open_page(reduced_motion=motion, records_console=False)  # axe causes errors on it
    new_album(page)
    send(page, [{"name": "FUN.GIF", "mimeType": "image/gif", "buffer": gif()}])
    expect(page.locator(".tile__mark")).to_have_text("Animated")
    expect(page.locator(".tile .still")).to_have_count(1 if motion == "reduce" else 0)
    page.locator(".tile a").click()
    still = page.locator(".viewer .still")

    labels = ["Play animation", "Pause animation"] if motion == "reduce" else ["Pause animation", "Play animation"]
    expect(still).to_have_count(1 if motion == "reduce" else 0)
    page.get_by_role("button", name=labels[0]).click()
    expect(still).to_have_count(0 if motion == "reduce" else 1)
    ensure_accessible(page, "animation")
    expect(page.get_by_role("button", name=labels[1])).to_be_focused()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name=labels[0])).to_be_visible()
    expect(still).to_have_count(1 if motion == "reduce" else 0)


@pytest.mark.usefixtures("worker")
def test_a_live_photo_plays_over_the_picture_or_says_that_it_cannot(page: Page, installation: Installation) -> None:
    new_album(page)
    content = {"IMG_1.JPG": jpeg(TAKEN), "IMG_1.MOV": MOV}
    send(page, [{"name": name, "mimeType": "image/any", "buffer": content[name]} for name in content])
    expect(page.locator(".tile__mark")).to_have_text("Live")
    page.locator(".tile a").click()
    button = page.get_by_role("button", name="Live")
    video = bytes(page.evaluate(RECORD_VIDEO))

    button.click()  # the file of this test is no video
    expect(page.get_by_text("Download it under Details.").first).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.route("**/companions/*/", lambda route: route.fulfill(body=video, content_type="video/quicktime"))
    button.click()
    page.wait_for_function("() => document.querySelector('video').currentTime > 0")
    button.click()

    expect(page.locator("video")).to_have_count(0)
