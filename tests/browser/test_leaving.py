"""Other pages on the same batch, and leaving the one that sends."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests.browser.conftest import PHONE, listen, new_album, sign_in
from tests.browser.desk import choose, large, send, sendings, slow_down, states, title
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


def test_a_second_device_sees_the_same_progress(
    page: Page, chromium: Browser, installation: Installation, complaints: list[str]
) -> None:
    address = new_album(page)
    slow_down(page)
    send(page, large(6))
    phone = chromium.new_context(viewport=PHONE, base_url=installation.url).new_page()
    listen(phone, complaints)
    sign_in(phone)
    phone.goto(address)

    expect(phone.locator(".progress__bytes")).to_contain_text("of 6 received")
    expect(phone.locator("#batch-progress")).not_to_have_js_property("value", 0, timeout=30_000)
    expect(phone.locator(".progress__bytes")).to_contain_text(re.compile("[2-6] of 6 received"), timeout=30_000)
    phone.context.close()


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "plain http"])
def test_two_tabs_do_not_send_the_same_file_twice(
    page: Page, context: BrowserContext, installation: Installation, has_locks: bool
) -> None:
    if not has_locks:
        context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined })")
    address = new_album(page)
    slow_down(page)
    files = large(4)
    sent = sendings(context)
    send(page, files)
    expect(page.locator(".pick[data-state=sending]").first).to_be_visible()
    other = context.new_page()
    other.goto(address)

    choose(other, files)

    title(page, "All sent: 4 received", 60)
    expect(other.locator(".pick[data-state=received]")).to_have_count(4)
    assert len(sent) == len(set(sent)) == 4
    assert states(installation) == {"received": 4}


def test_leaving_is_warned_of_only_while_bytes_are_moving(page: Page) -> None:
    new_album(page)
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    slow_down(page)
    choose(page, large(4))
    page.reload()
    assert asked == []

    send(page, large(4))
    expect(page.locator(".pick[data-state=sending]").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    title(page, "Paused")
    page.reload()
    assert asked == []

    choose(page, large(4, name="MORE_{}.JPG"))
    page.reload()
    assert asked == []


def test_whoever_leaves_while_bytes_move_is_asked_first(page: Page, installation: Installation) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    album = new_album(page)
    slow_down(page)
    send(page, large(4))
    expect(page.locator(".pick[data-state=sending]")).to_have_count(3)

    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    expect(page).to_have_url(album)


def test_the_screen_stays_awake_while_bytes_move(page: Page, installation: Installation) -> None:
    page.context.grant_permissions(["screen-wake-lock"])
    page.add_init_script(
        """(() => {
          const request = WakeLock.prototype.request;
          WakeLock.prototype.request = async function (kind) {
            const lock = await request.call(this, kind);
            document.documentElement.dataset.awake = "yes";
            lock.addEventListener("release", () => (document.documentElement.dataset.awake = "no"));
            return lock;
          };
        })()"""
    )
    new_album(page)
    slow_down(page)
    send(page, large(3))
    expect(page.locator("html")).to_have_attribute("data-awake", "yes")

    title(page, "All sent: 3 received", 60)
    expect(page.locator("html")).to_have_attribute("data-awake", "no")
