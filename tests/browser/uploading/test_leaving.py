"""Other pages of the same batch, and leaving the page that sends."""

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests import polling
from tests.browser.conftest import PHONE, OpenPage, new_album
from tests.browser.desk import choose_folder, expect_title, large, record_uploads, send, states
from tests.browser.gate import Gate
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined })"
"""As on plain HTTP, where browsers provide no Web Locks."""
WAIT_FOR_OTHER_TABS = """(() => {
  const album = location.pathname.match(/albums.(\\d+)/)[1];
  new BroadcastChannel(`darkroom-album-${album}`).onmessage = ({ data }) => (window.isAnswered ||= data.holds);
  const later = window.setTimeout;
  window.asked = [];
  window.setTimeout = (act, ms, ...more) => {
    if (window.asked && ms === 200 && String(act).includes("[native code]")) return window.asked.push(act);
    return later(act, ms, ...more);
  };
})()"""
"""Without locks a tab asks the others, and waits ASK_MS of tab-lock.js for responses: here, until one has arrived."""


def test_a_second_device_shows_the_same_progress(
    page: Page, open_page: OpenPage, installation: Installation, gate: Gate
) -> None:
    address = new_album(page)
    gate.hold(after_requests=1)
    send(page, large(6))
    polling.until(lambda: states(installation, page) == {"received": 1, "receiving": 5}, 60)
    phone = open_page(viewport=PHONE)
    phone.goto(address)
    expect(phone.locator(".progress__bytes")).to_contain_text("Uploaded 1 of 6")
    expect(phone.locator("#batch-progress")).not_to_have_js_property("value", 0)
    before = phone.locator("#batch-progress").evaluate("bar => bar.value")

    gate.hold(after_requests=2)

    expect(phone.locator(".progress__bytes")).to_contain_text("Uploaded 3 of 6")
    assert phone.locator("#batch-progress").evaluate("bar => bar.value") > before


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "plain http"])
def test_two_tabs_do_not_send_the_same_file_twice(
    page: Page, installation: Installation, gate: Gate, has_locks: bool
) -> None:
    context = page.context
    if not has_locks:
        context.add_init_script(NO_LOCKS)
    address = new_album(page)
    gate.hold()
    files = large(4)
    urls = record_uploads(context)
    other_tab = context.new_page()  # opened before the upload starts: later it would show that another tab is uploading
    if not has_locks:
        other_tab.add_init_script(WAIT_FOR_OTHER_TABS)
    other_tab.goto(address)
    other_tab.route("**/uploads/*/**", lambda route: None)  # it does not learn of the batch
    send(page, files)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    send(other_tab, files)
    other_tab.unroute_all(behavior="ignoreErrors")
    if not has_locks:
        other_tab.wait_for_function("() => window.isAnswered && window.asked.length")
        other_tab.evaluate(
            "{ const acts = window.asked; window.asked = null; setTimeout(() => acts.forEach((act) => act())) }"
        )
    expect(other_tab.locator("[data-notes]")).to_contain_text("Another tab is uploading to this album.")
    gate.release()

    expect_title(page, "Upload complete: 4 uploaded")
    expect(other_tab.locator(".file-row[data-state=received]")).to_have_count(4)
    assert len(urls) == len(set(urls)) == 4
    assert states(installation, page) == {"received": 4}


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "plain http"])
def test_a_second_tab_shows_that_the_first_is_uploading_and_takes_over_after_it(
    page: Page, installation: Installation, gate: Gate, has_locks: bool
) -> None:
    context = page.context
    if not has_locks:
        context.add_init_script(NO_LOCKS)
    address = new_album(page)
    gate.hold(after_requests=1)
    files = large(6)
    send(page, files)
    polling.until(lambda: states(installation, page) == {"received": 1, "receiving": 5}, 60)
    other_tab = context.new_page()
    messages: list[str] = []
    decisions = iter([False, True])

    def decide(dialog: Dialog) -> None:
        messages.append(dialog.message)
        dialog.accept() if next(decisions) else dialog.dismiss()

    other_tab.on("dialog", decide)

    other_tab.goto(address)
    expect(other_tab.locator("[data-resume-text]")).to_have_text("Uploading in another tab (1 of 6).")
    expect(other_tab.get_by_role("button", name="Discard remaining")).to_be_hidden()
    expect(other_tab.get_by_role("button", name="Select files to resume")).to_be_hidden()
    assert states(installation, page) == {"received": 1, "receiving": 5}

    page.close()
    expect(other_tab.locator("[data-resume-text]")).to_contain_text("5 of 6 left")
    other_tab.get_by_role("button", name="Discard remaining").click()
    assert messages == ["Discard 5 remaining files? Uploaded photos stay in the album."]
    assert states(installation, other_tab) == {"received": 1, "receiving": 5}
    other_tab.get_by_role("button", name="Discard remaining").click()

    polling.until(lambda: states(installation, other_tab) == {"received": 1, "cancelled": 5}, 60)


def test_leaving_the_page_asks_for_confirmation_while_files_are_not_uploaded(
    page: Page, gate: Gate, tmp_path: Path
) -> None:
    new_album(page)
    dialogs: list[str] = []

    def accept(dialog: Dialog) -> None:
        dialogs.append(dialog.type)
        dialog.accept()

    page.on("dialog", accept)
    # Browsers ask only after the user has done something on the page.
    page.get_by_role("heading", name="Summer").click()
    page.reload()
    assert dialogs == []
    gate.hold()
    choose_folder(page, tmp_path, large(4))
    expect_title(page, "4 photos selected")
    page.get_by_text("This album", exact=True).click()
    page.reload()
    assert dialogs == ["beforeunload"]

    album = new_album(page, "Another")
    files = large(4)
    send(page, files)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.get_by_role("button", name="Pause").click()
    expect_title(page, "Paused")
    page.reload()
    assert dialogs == ["beforeunload"] * 2

    send(page, files)
    gate.release()
    expect_title(page, "Upload complete")
    page.goto(album)
    assert dialogs == ["beforeunload"] * 2


def test_leaving_the_page_while_uploading_asks_for_confirmation(page: Page, gate: Gate) -> None:
    dialogs: list[str] = []

    def stay(dialog: Dialog) -> None:
        dialogs.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    album = new_album(page)
    gate.hold()
    send(page, large(4))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert dialogs == ["beforeunload"]
    expect(page).to_have_url(album)


def test_the_screen_stays_awake_while_uploading(page: Page, gate: Gate) -> None:
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
    gate.hold()
    send(page, large(3))
    expect(page.locator("html")).to_have_attribute("data-awake", "yes")
    gate.release()

    expect_title(page, "Upload complete: 3 uploaded")
    expect(page.locator("html")).to_have_attribute("data-awake", "no")
