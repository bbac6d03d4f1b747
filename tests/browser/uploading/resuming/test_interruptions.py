"""Uploads continue by themselves after failures of network, server and session; no acknowledged byte is sent again."""

import json
import random
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import PHOTOS, clear_network_errors, new_album
from tests.browser.desk import (
    album_of,
    expect_title,
    send,
    states,
    wait_for,
)
from tests.browser.gate import Gate
from tests.browser.recording import Proxy, resent
from tests.browser.uploading.resuming.conftest import (
    begin,
    ensure_arrived_once,
    expect_all_sent,
    interrupt_network,
    wait_for_bytes,
)
from tests.installation import PASSWORD, Installation

# Uploads through the server; test_direct.py tests those straight to a bucket.
pytestmark = [
    *(pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded),
    pytest.mark.usefixtures("no_worker"),  # a page stops listing the files of a batch that was processed
]


AN_HOUR_LATER = "const now = performance.now.bind(performance); performance.now = () => now() + 3_600_000"


AN_HOUR_AGO = "datetime('now', '-1 hour')"


def survive(page: Page, proxy: Proxy, installation: Installation, files: list[Path]) -> None:
    """Cut the network ten times, reload twice and restart the server, each after a random number of bytes of a batch."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - needed to repeat the run
    random_source = random.Random(seed)
    total = sum(file.stat().st_size for file in files)
    marks = sorted(int(random_source.uniform(0.03, 0.9) * total) for _ in range(13))
    events = ["cut"] * 10 + ["reload", "reload", "restart"]
    random_source.shuffle(events)
    new_album(page, "Survivors")
    proxy.gate.hold_at(marks[0])
    send(page, files)

    for mark, event, next_mark in zip(marks, events, [*marks[1:], 2**63], strict=True):
        wait_for_bytes(proxy.gate, mark)
        description = event
        if event == "cut":
            description = interrupt_network(page, proxy, random_source)
        elif event == "reload":
            page.reload()
            expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted")
            expect_title(page, "Waiting for files")  # and not that the upload is complete
            send(page, files)
        else:
            installation.kill("serve")
            if random_source.random() < 0.5:
                expect(page.locator("[data-connection]")).to_be_visible()
            installation.start("serve")
        print(f"{mark / total:.0%} {description}")  # noqa: T201
        proxy.gate.hold_at(next_mark)
    expect_all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, files, album_of(page))
    assert resent(proxy.patches) == []
    print(f"{len(proxy.patches)} parts, {proxy.passed() / total:.2f} times the bytes of {len(files)} files")  # noqa: T201


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_sixty_photos_survive_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, restartable_installation: Installation, console_errors: list[str]
) -> None:
    entries = json.loads((PHOTOS / "manifest.json").read_text(encoding="utf-8"))["entries"]
    files: dict[str, Path] = {}
    for entry in entries:
        if entry["expected"] == "accept":
            files.setdefault(entry["sha256"], PHOTOS / entry["path"])

    survive(page, proxy, restartable_installation, list(files.values())[:60])

    clear_network_errors(console_errors)


@pytest.mark.timeout(900)
def test_a_small_batch_survives_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, restartable_installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    survive(page, proxy, restartable_installation, sorted(folder.iterdir()))

    clear_network_errors(console_errors)


def test_an_upload_waits_while_offline_and_resumes_automatically(
    page: Page, proxy: Proxy, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)
    failed_requests: list[Request] = []
    page.on("requestfailed", lambda request: failed_requests.append(request))  # Playwright marks its handlers

    page.context.set_offline(True)
    proxy.cut()
    expect(page.locator("[data-connection-text]")).to_contain_text("You\u2019re offline")
    message = "what is asked more often than a file is tried again (RETRIES in tus-upload.js)"
    wait_for(page, lambda: sum(request.method == "HEAD" for request in failed_requests) > 8, message)
    expect(page.locator(".file-row[data-state=failed]")).to_have_count(0)
    proxy.gate.release()
    proxy.restore()
    page.context.set_offline(False)

    expect_all_sent(page)
    expect(page.locator("[data-connection]")).to_be_hidden()
    clear_network_errors(console_errors)


def test_a_stalled_request_is_aborted_and_sent_again(
    page: Page, proxy: Proxy, gate: Gate, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    gate.hold()
    send(page, sorted(folder.iterdir()))
    polling.until(lambda: gate.held == 3, 60, "no request is held")
    page.get_by_role("button", name="Pause").click()
    polling.until(lambda: gate.held == 0, 60, "requests in progress are not aborted")

    page.evaluate("document.querySelector('[data-uploader]').dataset.stallMs = 1500")
    page.get_by_role("button", name="Resume").click()
    polling.until(lambda: gate.held == 3, 60, "no request is held")
    stalled = len(proxy.patches)
    polling.until(lambda: len(proxy.patches) > stalled, 60, "the stalled request is not sent again")
    page.evaluate("document.querySelector('[data-uploader]').dataset.stallMs = 600_000")
    gate.release()

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    clear_network_errors(console_errors)


def test_an_upload_continues_after_the_user_signs_in_again_in_another_tab(
    page: Page, proxy: Proxy, account: Account, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)
    page.context.clear_cookies()
    proxy.gate.release()

    expect(page.locator("[data-connection-text]")).to_contain_text("You\u2019ve been signed out")
    with page.context.expect_page() as new_page_info:
        page.locator("[data-sign-in]").click()
    tab = new_page_info.value
    tab.get_by_label("Username").fill(account.name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/albums/")

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    clear_network_errors(console_errors)


def test_an_upload_that_expired_is_started_again(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 400_000)
    proxy.cut()
    page.evaluate(AN_HOUR_LATER)
    installation.start("run_huey")  # its sweep expires the uploads

    def has_expired() -> bool:
        """Repeats the change, because a request that was just cut off may still extend its upload's expiry."""
        installation.change(
            f"UPDATE processing_upload SET expires_at = {AN_HOUR_AGO}"
            f" WHERE album_id = {album_of(page)} AND state = 'receiving'"
        )
        return "receiving" not in states(installation, page)

    polling.until(has_expired, 120, "nothing expires")
    proxy.gate.release()
    proxy.restore()

    expect(page.locator(".tile")).to_have_count(9)
    page.close()
    clear_network_errors(console_errors)
