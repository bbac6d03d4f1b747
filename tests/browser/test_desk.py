"""The desk while it sends: pausing, cancelling, trying again, and what is said and heard of it."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHONE, new_album, sign_in
from tests.browser.desk import UPLOADS, choose, large, pictures, row, send, slow_down, states, title
from tests.browser.looking import ensure_accessible, ensure_heard, hear, unheard_page
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


def test_pausing_stops_and_going_on_sends_the_rest(page: Page, installation: Installation) -> None:
    new_album(page)
    slow_down(page)
    send(page, large(6))
    expect(row(page, "IMG_0001.JPG")).to_have_attribute("data-state", "received", timeout=30_000)

    page.get_by_role("button", name="Pause").click()
    title(page, "Paused")
    before = states(installation)
    page.wait_for_timeout(2500)
    assert states(installation) == before

    page.get_by_role("button", name="Go on").click()
    title(page, "All sent: 6 received", 60)
    assert states(installation) == {"received": 6}


def test_one_file_can_be_cancelled_while_the_others_go_on(page: Page, installation: Installation) -> None:
    new_album(page)
    slow_down(page)
    send(page, large(5))

    page.get_by_role("button", name="Cancel IMG_0005.JPG").click()

    title(page, "All sent: 4 received, 1 cancelled", 60)
    polling.until(lambda: states(installation) == {"cancelled": 1, "received": 4})


def test_cancelling_all_frees_the_album(page: Page, installation: Installation) -> None:
    new_album(page)
    slow_down(page)
    send(page, large(5))
    expect(page.locator(".pick[data-state=sending]")).to_have_count(3)
    page.on("dialog", lambda dialog: dialog.accept())

    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-batch]")).to_be_hidden()
    expect(page.get_by_role("heading", name="Add photos")).to_be_visible()
    assert set(states(installation)) == {"cancelled"}


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
    expect(page.locator(".pick[data-state=failed]")).to_contain_text("The server stumbled.", timeout=30_000)
    expect(page.get_by_role("button", name="Retry failed")).to_be_visible()
    page.unroute(UPLOADS)

    page.get_by_role("button", name=re.compile("Retry IMG")).click()

    title(page, "All sent: 3 received")
    assert states(installation) == {"received": 3}
    assert complaints
    assert all("500" in said for said in complaints)
    complaints.clear()


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
        const input = document.querySelector("#desk-photos");
        input.files = transfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }""")

    expect(page.locator(".pick")).to_have_count(2000)
    assert max(page.evaluate("window.frames")) <= 200
    expect(page.get_by_role("button", name="Send 2000 photos")).to_be_visible()
    expect(page.locator("[data-detail]")).not_to_contain_text("still being checked", timeout=60_000)
    page.evaluate("""() => {
        window.touched = new Set();
        new MutationObserver((changes) => changes.forEach(({ target }) => {
          const row = target.parentElement?.closest(".pick") ?? target;
          window.touched.add(row.dataset?.file);
        })).observe(document.querySelector("[data-list]"), { childList: true, subtree: true, characterData: true });
    }""")
    page.get_by_role("button", name="Remove IMG_7.JPG", exact=True).click()
    expect(page.locator(".pick")).to_have_count(1999)
    assert len(page.evaluate("[...window.touched]")) == 1  # the list itself, of which a row went


def test_milestones_are_told_to_screen_readers_and_not_each_file(page: Page) -> None:
    new_album(page)
    heard = hear(page)
    slow_down(page)

    send(page, large(4))
    title(page, "All sent: 4 received", 60)

    ensure_heard(page, heard, "All sent: 4 received.")
    assert heard[0] == "Sending 4 photos."
    assert len(heard) == len(set(heard)) < 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_while_sending(chromium, installation, size, scheme) -> None:
    with unheard_page(chromium, installation, size, scheme) as page:
        sign_in(page)
        new_album(page)
        slow_down(page)
        send(page, large(6))
        expect(page.locator(".pick[data-state=received]").first).to_be_visible(timeout=30_000)
        ensure_accessible(page, "sending")
        page.get_by_role("button", name="Pause").click()
        ensure_accessible(page, "paused")
        choose(page, pictures(2, name="NEXT_{}.JPG"))
        expect(page.locator("[data-next]")).to_be_visible()
        ensure_accessible(page, "prepared")
