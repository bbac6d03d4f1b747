"""The uploader while it sends: pausing, cancelling, retrying, and its messages and announcements."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, clear_network_errors, new_album
from tests.browser.desk import UPLOADS, WAIT_LONG, expect_title, large, pictures, record_uploads, row, send, states
from tests.browser.gate import Gate
from tests.browser.looking import ensure_accessible, ensure_announced, record_announcements
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

IS_FOCUS_SHOWN = "document.activeElement !== document.body && document.activeElement.checkVisibility()"


def test_pausing_stops_the_upload_and_resuming_sends_the_remaining_files(
    page: Page, installation: Installation, gate: Gate
) -> None:
    new_album(page)
    gate.hold(after_requests=1)
    send(page, large(6))
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)

    page.get_by_role("button", name="Pause").click()
    expect_title(page, "Paused")
    polling.until(lambda: gate.held == 0, 60, "requests in progress are not aborted")
    gate.release()
    before, sent = states(installation, page), record_uploads(page)
    for _ in range(2):  # the page polls the server, and sent no bytes before that
        with page.expect_response("**/status/**"):
            pass
    assert sent == []
    assert states(installation, page) == before
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)

    page.get_by_role("button", name="Resume").click()
    expect_title(page, "Upload complete: 6 uploaded")
    assert states(installation, page) == {"received": 6}


def test_a_waiting_file_can_be_cancelled_while_the_others_continue(
    page: Page, installation: Installation, gate: Gate
) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.get_by_role("button", name="Cancel IMG_0005.JPG").click()
    gate.release()

    expect_title(page, "Upload complete: 4 uploaded, 1 cancelled")
    polling.until(lambda: states(installation, page) == {"cancelled": 1, "received": 4}, 60)


def test_a_file_that_is_being_sent_can_be_cancelled(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.get_by_role("button", name="Cancel IMG_0001.JPG").click()
    expect(row(page, "IMG_0001.JPG")).to_have_attribute("data-state", "cancelled")
    polling.until(
        lambda: states(installation, page).get("cancelled") == 1, 60
    )  # otherwise the complete file might still arrive
    gate.release()

    expect_title(page, "Upload complete: 4 uploaded, 1 cancelled")
    polling.until(lambda: states(installation, page) == {"cancelled": 1, "received": 4}, 60)


def test_cancelling_all_files_unlocks_the_album(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.on("dialog", lambda dialog: dialog.accept())

    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-batch]")).to_be_hidden()
    assert set(states(installation, page)) == {"cancelled"}


def test_undo_cancels_what_was_just_added_and_forgets_it(page: Page, installation: Installation, gate: Gate) -> None:
    new_album(page)
    page.evaluate("document.querySelector('[data-uploader]').dataset.undoMs = 600_000")
    gate.hold()
    send(page, large(5))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    expect(page.get_by_role("button", name="Cancel all")).to_be_hidden()

    page.get_by_role("button", name="Undo").click()

    expect(page.locator(".file-row")).to_have_count(0)
    expect(page.get_by_role("link", name="Add photos")).to_be_focused()
    polling.until(lambda: set(states(installation, page)) == {"cancelled"}, 60)


def test_the_tray_is_hidden_until_files_are_added_and_can_be_collapsed(page: Page, gate: Gate) -> None:
    new_album(page)
    tray = page.locator("[data-tray]")
    expect(tray).to_be_hidden()
    gate.hold()
    send(page, large(3))
    expect(tray).to_be_visible()

    page.get_by_role("button", name="Show upload details").press("Enter")

    expect(page.locator("[data-list]")).to_be_hidden()
    expect(page.locator("[data-title]")).to_be_visible()
    page.get_by_role("button", name="Show upload details").press("Enter")
    expect(page.locator("[data-list]")).to_be_visible()


def test_the_focus_stays_on_a_control_that_is_shown(page: Page, gate: Gate) -> None:
    """By keyboard alone: the button that was pressed is replaced by another, or its row goes."""
    new_album(page)
    announcements = record_announcements(page)
    page.on("dialog", lambda dialog: dialog.accept())
    gate.hold()
    send(page, large(4))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    page.locator("body").press("Tab")
    expect(page.get_by_role("link", name="Skip to uploads")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show upload details")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    ensure_announced(page, announcements, "Paused.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_focused()
    ensure_announced(page, announcements, "Upload resumed.")
    page.get_by_role("button", name="Cancel IMG_0004.JPG").press("Enter")
    expect(row(page, "IMG_0004.JPG")).to_have_attribute("data-state", "cancelled")
    assert page.evaluate(IS_FOCUS_SHOWN)

    page.get_by_role("button", name="Cancel all").press("Enter")
    expect(page.locator("[data-batch]")).to_be_hidden()
    # Either the list or the panel notices it first.
    page.wait_for_function("() => /cancelled/.test(document.querySelector('panel-announcer').textContent)")
    page.wait_for_function(IS_FOCUS_SHOWN)
    page.evaluate("document.querySelector('[data-uploader]').dataset.undoMs = 600_000")
    page.locator("#uploader-photos").set_input_files(large(2))  # type: ignore[arg-type]
    page.get_by_role("button", name="Undo").press("Enter")
    ensure_announced(page, announcements, "Upload undone.")
    expect(page.get_by_role("link", name="Add photos")).to_be_focused()


@pytest.mark.embedded  # it replaces the server's responses; uploads to a bucket have none
def test_a_failed_file_can_be_retried(page: Page, installation: Installation, console_errors: list[str]) -> None:
    new_album(page)
    failing_urls: set[str] = set()

    def fail_one_upload(route: Route) -> None:
        if route.request.method == "PATCH" and (not failing_urls or route.request.url in failing_urls):
            failing_urls.add(route.request.url)
            route.fulfill(status=500, body='{"error": "broken", "message": "The server stumbled."}')
        else:
            route.continue_()

    page.route(UPLOADS, fail_one_upload)
    page.evaluate("Math.random = () => 0")  # the shortest delay of full jitter
    send(page, pictures(3))
    expect(page.locator(".file-row[data-state=failed]")).to_contain_text("The server stumbled.")
    expect(page.get_by_role("button", name="Retry failed")).to_be_visible()
    page.unroute(UPLOADS)

    page.get_by_role("button", name=re.compile("Retry IMG")).click()

    expect_title(page, "Upload complete: 3 uploaded")
    assert states(installation, page) == {"received": 3}
    assert console_errors
    assert all("500" in error for error in console_errors)
    console_errors.clear()


def test_a_panel_that_failed_to_load_is_requested_again(page: Page, console_errors: list[str]) -> None:
    """The panel of an unlocked album does not poll: only this request shows the new batch."""
    new_album(page)
    aborted: list[str] = []

    def abort_two(route: Route) -> None:
        if route.request.method == "GET" and len(aborted) < 2:
            aborted.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/uploads/status/**", abort_two)
    send(page, pictures(3))

    expect_title(page, "Upload complete: 3 uploaded")
    expect(page.locator("#upload-panel")).to_have_attribute("data-busy", re.compile("."))
    assert len(aborted) == 2
    clear_network_errors(console_errors)


def test_of_two_thousand_files_only_those_in_view_have_rows(page: Page, gate: Gate) -> None:
    """Counts instead of measuring time: the list is short, and a change updates only its own row."""
    new_album(page)
    gate.hold()
    page.evaluate(WAIT_LONG)
    page.evaluate("""() => {
        const transfer = new DataTransfer();
        for (let n = 1; n <= 2000; n++) transfer.items.add(new File([`photo ${n}`], `IMG_${n}.JPG`, { type: "image/x-none" }));
        const input = document.querySelector("#uploader-photos");
        input.files = transfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }""")
    expect_title(page, "Uploading")
    expect(page.locator("[data-next-text]")).to_contain_text("1500 photos")
    rows = page.locator(".file-row")
    assert 0 < rows.count() <= 100
    expect(rows.first).to_have_attribute("aria-setsize", "2000")

    page.locator("[data-list]").hover()  # otherwise the list scrolls to the file that is being sent
    page.locator("[data-list]").evaluate("list => list.scrollTo(0, list.scrollHeight)")

    expect(page.get_by_text("IMG_2000.JPG")).to_be_visible()
    assert rows.count() <= 100
    page.evaluate("""() => {
        window.touched = new Set();
        new MutationObserver((changes) => changes.forEach(({ target }) => {
          const row = target.parentElement?.closest(".file-row") ?? target;
          window.touched.add(row.dataset?.file);
        })).observe(document.querySelector("[data-list]"), { childList: true, subtree: true, characterData: true });
    }""")
    page.get_by_role("button", name="Remove IMG_1999.JPG").click()
    expect(rows.first).to_have_attribute("aria-setsize", "1999")
    expect(page.get_by_text("IMG_2000.JPG")).to_be_visible()
    expect(page.get_by_text("IMG_1999.JPG")).to_have_count(0)
    assert len(page.evaluate("[...window.touched]")) == 1  # only the list, in which rows were replaced


def test_screen_readers_announce_milestones_but_not_every_file(page: Page, gate: Gate) -> None:
    new_album(page)
    announcements = record_announcements(page)
    gate.hold()

    send(page, large(4))
    ensure_announced(page, announcements, "Uploading 4 photos.")
    gate.release()
    expect_title(page, "Upload complete: 4 uploaded")

    ensure_announced(page, announcements, "Upload complete: 4 uploaded.")
    assert announcements[0] == "Uploading 4 photos."
    assert len(announcements) == len(set(announcements)) < 9


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation_while_sending(open_page: OpenPage, gate: Gate, size, scheme) -> None:
    page = open_page(viewport=size, color_scheme=scheme, records_console=False)
    new_album(page)
    gate.hold(after_requests=1)
    send(page, large(6))
    expect(page.locator(".file-row[data-state=received]")).to_have_count(1)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    ensure_accessible(page, "sending")
    page.get_by_role("button", name="Pause").click()
    expect_title(page, "Paused")
    ensure_accessible(page, "paused")
    send(page, pictures(2, name="NEXT_{}.JPG"))
    expect(page.locator("[data-next]")).to_be_visible()
    ensure_accessible(page, "prepared")
