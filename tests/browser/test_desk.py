"""The desk while it sends: pausing, cancelling, trying again, and what is said and heard of it."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, forgive, new_album
from tests.browser.desk import UPLOADS, choose, large, pictures, row, send, sendings, states, title
from tests.browser.gate import Gate
from tests.browser.looking import ensure_accessible, ensure_heard, hear
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


def test_pausing_stops_and_going_on_sends_the_rest(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold(after_requests=1)
    send(page, large(6))
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)

    page.get_by_role("button", name="Pause").click()
    title(page, "Paused")
    polling.until(lambda: gate.held == 0, 60, "what was on its way is not given up")
    gate.release()
    before, sent = states(installation, page), sendings(page)
    for _ in range(2):  # the page asks the server for something else, and has sent nothing before that
        with page.expect_response("**/status/**"):
            pass
    assert sent == []
    assert states(installation, page) == before
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)

    page.get_by_role("button", name="Resume").click()
    title(page, "Upload complete: 6 uploaded")
    assert states(installation, page) == {"received": 6}


def test_one_file_can_be_cancelled_while_the_others_go_on(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.get_by_role("button", name="Cancel IMG_0005.JPG").click()
    gate.release()

    title(page, "Upload complete: 4 uploaded, 1 cancelled")
    polling.until(lambda: states(installation, page) == {"cancelled": 1, "received": 4}, 60)


def test_a_file_on_its_way_can_be_cancelled_too(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.get_by_role("button", name="Cancel IMG_0001.JPG").click()
    expect(row(page, "IMG_0001.JPG")).to_have_attribute("data-state", "cancelled")
    polling.until(lambda: states(installation, page).get("cancelled") == 1, 60)  # or all of it might still arrive
    gate.release()

    title(page, "Upload complete: 4 uploaded, 1 cancelled")
    polling.until(lambda: states(installation, page) == {"cancelled": 1, "received": 4}, 60)


def test_cancelling_all_frees_the_album(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.on("dialog", lambda dialog: dialog.accept())

    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-batch]")).to_be_hidden()
    expect(page.get_by_role("heading", name="Add photos")).to_be_visible()
    assert set(states(installation, page)) == {"cancelled"}


@pytest.mark.embedded  # by the server's answers, which a bucket does not give
def test_a_failed_file_can_be_tried_again(page: Page, installation: Installation, complaints: list[str]) -> None:
    new_album(page)
    broken: set[str] = set()

    def break_one(route: Route) -> None:
        if route.request.method == "PATCH" and (not broken or route.request.url in broken):
            broken.add(route.request.url)
            route.fulfill(status=500, body='{"error": "broken", "message": "The server stumbled."}')
        else:
            route.continue_()

    page.route(UPLOADS, break_one)
    page.evaluate("Math.random = () => 0")  # full jitter, at its shortest
    send(page, pictures(3))
    expect(page.locator(".file-row[data-state=failed]")).to_contain_text("The server stumbled.")
    expect(page.get_by_role("button", name="Retry failed")).to_be_visible()
    page.unroute(UPLOADS)

    page.get_by_role("button", name=re.compile("Retry IMG")).click()

    title(page, "Upload complete: 3 uploaded")
    assert states(installation, page) == {"received": 3}
    assert complaints
    assert all("500" in said for said in complaints)
    complaints.clear()


def test_a_panel_that_could_not_be_fetched_is_asked_for_again(page: Page, complaints: list[str]) -> None:
    """The panel of a free album does not poll: only this request shows the batch that was just begun."""
    new_album(page)
    lost: list[str] = []

    def lose_two(route: Route) -> None:
        if route.request.method == "GET" and len(lost) < 2:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/uploads/status/**", lose_two)
    send(page, pictures(3))

    title(page, "Upload complete: 3 uploaded")
    expect(page.locator("#upload-panel")).to_have_attribute("data-busy", re.compile("."))
    assert len(lost) == 2
    forgive(complaints)


def test_two_thousand_files_leave_the_page_at_hand(page: Page) -> None:
    """Not by the clock: rows are made a few at a time, and a change touches its own row alone."""
    new_album(page)
    page.evaluate("""() => {
        window.frames = [];
        let made = 0;
        const list = document.querySelector("[data-list]");
        new MutationObserver((changes) => {
          made += changes.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
        }).observe(list, { childList: true });
        const tick = () => { window.frames.push(made); made = 0; requestAnimationFrame(tick); };
        tick();
    }""")
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        for (let n = 1; n <= 2000; n++) transfer.items.add(new File([`photo ${n}`], `IMG_${n}.JPG`, { type: "image/x-none" }));
        const input = document.querySelector("#uploader-photos");
        input.files = transfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }""")

    expect(page.locator(".file-row")).to_have_count(2000)
    assert max(page.evaluate("window.frames")) <= 200
    expect(page.get_by_role("button", name="Upload 2000 photos")).to_be_visible()
    expect(page.locator("[data-detail]")).not_to_contain_text("being checked")
    page.evaluate("""() => {
        window.touched = new Set();
        new MutationObserver((changes) => changes.forEach(({ target }) => {
          const row = target.parentElement?.closest(".file-row") ?? target;
          window.touched.add(row.dataset?.file);
        })).observe(document.querySelector("[data-list]"), { childList: true, subtree: true, characterData: true });
    }""")
    page.get_by_role("button", name="Remove IMG_7.JPG", exact=True).click()
    expect(page.locator(".file-row")).to_have_count(1999)
    assert len(page.evaluate("[...window.touched]")) == 1  # the list itself, of which a row went


def test_milestones_are_told_to_screen_readers_and_not_each_file(page: Page, gate: Gate) -> None:
    new_album(page)
    heard = hear(page)
    gate.hold()

    send(page, large(4))
    ensure_heard(page, heard, "Uploading 4 photos.")
    gate.release()
    title(page, "Upload complete: 4 uploaded")

    ensure_heard(page, heard, "Upload complete: 4 uploaded.")
    assert heard[0] == "Uploading 4 photos."
    assert len(heard) == len(set(heard)) < 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_while_sending(open_page: OpenPage, gate: Gate, size, scheme) -> None:
    page = open_page(viewport=size, color_scheme=scheme, is_heard=False)
    new_album(page)
    gate.hold(after_requests=1)
    send(page, large(6))
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    ensure_accessible(page, "sending")
    page.get_by_role("button", name="Pause").click()
    title(page, "Paused")
    ensure_accessible(page, "paused")
    choose(page, pictures(2, name="NEXT_{}.JPG"))
    expect(page.locator("[data-next]")).to_be_visible()
    ensure_accessible(page, "prepared")
