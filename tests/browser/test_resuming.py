"""Despite failures of network, server and browser, every file arrives once, and no acknowledged byte is sent again."""

import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import PHOTOS, OpenPage, clear_network_errors, new_album, stop_worker
from tests.browser.desk import (
    WAIT_LONG,
    album_of,
    choose_folder,
    expect_title,
    large,
    pictures,
    send,
    states,
    wait_for,
)
from tests.browser.gate import Gate
from tests.browser.looking import ensure_accessible
from tests.browser.recording import Proxy, resent
from tests.installation import PASSWORD, Installation
from tests.processing import making

# Uploads through the server; test_direct.py tests those straight to a bucket.
pytestmark = [
    *(pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded),
    pytest.mark.usefixtures("no_worker"),  # a page stops listing the files of a batch that was processed
]

SHORT_RETRY_DELAYS = "Math.random = () => 0.02"
"""Makes the random delays before retries short: this fraction of their maximum."""
UNFINISHED_JOBS = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"

AN_HOUR_LATER = "const now = performance.now.bind(performance); performance.now = () => now() + 3_600_000"
AN_HOUR_AGO = "datetime('now', '-1 hour')"


PICK_PRIVATE_FILES = """window.showOpenFilePicker = async () => {
  const folder = await navigator.storage.getDirectory();
  return Promise.all([1, 2, 3, 4].map(async (number) => {
    const handle = await folder.getFileHandle(`NEXT_${number}.PNG`, { create: true });
    const canvas = Object.assign(document.createElement("canvas"), { width: 40 + number, height: 40 });
    canvas.getContext("2d").fillRect(0, 0, number, number);
    const writer = await handle.createWritable();
    await writer.write(await new Promise((done) => canvas.toBlob(done, "image/png")));
    await writer.close();
    return handle;
  }));
}"""


@pytest.fixture
def page(open_page: OpenPage, proxy: Proxy) -> Page:
    """A page that reaches the server only through the proxy."""
    page = open_page()
    page.add_init_script(SHORT_RETRY_DELAYS)
    return page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine different files of some hundred kilobytes."""
    folder = tmp_path / "card"
    folder.mkdir()
    for number in range(1, 10):
        noise = random.Random(number).randbytes(300_000)
        (folder / f"IMG_{number:04}.JPG").write_bytes(making.jpeg((900, 600)) + noise)
    return folder


def fall_silent(installation: Installation, page: Page) -> None:
    """Make the last bytes two minutes old. Repeated, because a request that was just cut off may still extend the expiry."""
    expiry = "datetime('now', '+28 minutes')"  # of at first half an hour

    def is_silent() -> bool:
        installation.change(
            f"UPDATE processing_upload SET expires_at = {expiry}"
            f" WHERE album_id = {album_of(page)} AND state = 'receiving'"
        )
        return page.locator("#upload-panel[data-quiet=yes]").count() == 1

    polling.until(is_silent, 60, "the panel does not notice that nothing arrives")


def expect_all_sent(page: Page) -> None:
    expect(page.locator("[data-title]")).to_contain_text(
        re.compile("Upload complete|failed to upload"), timeout=120_000
    )
    assert page.locator(".file-row[data-state=failed]").all_inner_texts() == []
    expect_title(page, "Upload complete")


def wait_for_bytes(gate: Gate, count: int) -> None:
    """Wait until the gate has let `count` bytes pass. A cut after the gate may have lost some of them."""
    polling.until(lambda: gate.passed >= count, 120, f"fewer than {count} bytes went: {gate.passed}")


def begin(page: Page, proxy: Proxy, folder: Path, count: int) -> list[Path]:
    """Send the files of the folder, hold them after `count` bytes until the gate is released, and return them."""
    files = sorted(folder.iterdir())
    proxy.gate.hold_at(count)
    send(page, files)
    wait_for_bytes(proxy.gate, count)
    return files


def ensure_arrived_once(installation: Installation, files: list[Path], album: int) -> None:
    """Assert that each file is a photo, a failed job or a rejected upload, and that stored bytes equal the sent bytes."""
    expected = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    rows = installation.ask(f"SELECT name, state, sha256 FROM processing_upload WHERE album_id = {album}")
    assert sorted(row[0] for row in rows) == sorted(file.name for file in files)
    assert {row[1] for row in rows} <= {"received", "refused"}
    assert sorted(row[2] for row in rows if row[2]) == sorted(expected)[: len([row for row in rows if row[2]])]
    polling.until(lambda: installation.ask(UNFINISHED_JOBS) == [(0,)], 600, "the queue does not run empty")
    rejected = sum(row[1] == "refused" for row in rows)
    [(photos,)] = installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {album}")
    jobs = f"SELECT count(*) FROM processing_processingjob WHERE album_id = {album} AND state = 'failed'"
    [(failed,)] = installation.ask(jobs)
    assert photos + failed + rejected == len(files)
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["corrupt"], verified["orphans"]) == ([], [], [])


def interrupt_network(page: Page, proxy: Proxy, random_source: random.Random) -> str:
    """Interrupt the network in a random way, for a moment or until the page shows it, and return a description."""
    way, is_noticed = random_source.choice(("snap", "cut", "offline")), random_source.random() < 0.5
    if way == "snap":
        proxy.drop_connections()
        return way
    page.context.set_offline(way == "offline")
    proxy.cut()  # when offline too: Chromium itself repeats requests that fail on a reused connection
    if is_noticed:
        expect(page.locator("[data-connection]")).to_be_visible()
    proxy.restore()
    page.context.set_offline(False)
    return f"{way} {'until it was noticed' if is_noticed else 'for a moment'}"


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


@pytest.mark.smoke
def test_files_selected_again_after_a_reload_resume_where_they_stopped(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")

    send(page, files)
    proxy.gate.release()

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 9}
    clear_network_errors(console_errors)


def test_with_file_handles_the_upload_resumes_automatically_after_a_reload(
    page: Page, proxy: Proxy, installation: Installation, console_errors: list[str]
) -> None:
    """The files are in the browser's private file system, which has real handles; only the file dialog is replaced."""
    page.add_init_script(
        """window.showOpenFilePicker = async () => {
          const folder = await navigator.storage.getDirectory();
          return Promise.all(Array.from({ length: 6 }, async (_, n) => {
            const handle = await folder.getFileHandle(`IMG_${n + 1}.JPG`, { create: true });
            if (!(await handle.getFile()).size) {
              const writer = await handle.createWritable();
              await writer.write(new Uint8Array(300_000).fill(n));
              await writer.close();
            }
            return handle;
          }));
        }"""
    )
    new_album(page)
    proxy.gate.hold_at(700_000)
    page.evaluate(WAIT_LONG)
    page.get_by_role("link", name="Add photos").click()
    wait_for_bytes(proxy.gate, 700_000)

    page.reload()
    proxy.gate.release()

    expect_all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 6}
    clear_network_errors(console_errors)


def test_chosen_folders_outlive_a_reload_by_name(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    """Playwright chooses files without handles, as browsers without them do."""
    address = new_album(page)
    page.on("dialog", lambda dialog: dialog.accept())  # it asks before it leaves
    choose_folder(page, folder)
    expect_title(page, "9 photos selected")
    other_tab = page.context.new_page()
    other_tab.goto(address)
    send(other_tab, pictures(1, name="OTHER.JPG"))
    expect_title(other_tab, "Upload complete")
    assert other_tab.locator(".file-row").count() == 1  # the first tab still has the others
    other_tab.close()

    page.reload()

    notice = page.locator("[data-resume-text]")
    expect(notice).to_have_text(
        "Not uploaded yet: IMG_0001.JPG, IMG_0002.JPG, IMG_0003.JPG, IMG_0004.JPG, IMG_0005.JPG and 4 more."
        " Select these files again."
    )
    expect(page.get_by_role("button", name="Select again")).to_have_attribute("data-action", "folder")
    expect(page.locator(".file-row[data-state=missing]")).to_have_count(9)
    ensure_accessible(page, "chosen before a reload")
    choose_folder(page, folder)
    expect(page.get_by_text("A new album per folder")).to_be_visible()
    page.get_by_role("button", name="Upload 9 photos").click()
    expect(notice).to_be_hidden()
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(10)
    stop_worker(installation)
    clear_network_errors(console_errors)


def test_files_with_handles_are_queued_again_after_a_reload(
    page: Page, proxy: Proxy, installation: Installation, console_errors: list[str]
) -> None:
    """The origin's private files have real handles; only the file dialog is replaced."""
    page.add_init_script(PICK_PRIVATE_FILES)
    new_album(page)
    page.on("dialog", lambda dialog: dialog.accept())
    files = large(3)
    proxy.gate.hold()
    send(page, files)
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)
    page.get_by_role("link", name="Add photos").click()
    expect(page.locator("[data-next-text]")).to_contain_text("4 photos")

    page.reload()

    expect(page.locator("[data-next-text]")).to_contain_text("4 photos")
    expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted: 3 of 7 left")
    proxy.gate.release()
    send(page, files)
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(7)
    stop_worker(installation)
    clear_network_errors(console_errors)


def test_another_browser_of_the_same_user_can_resume_the_upload(
    page: Page, open_page: OpenPage, proxy: Proxy, installation: Installation, folder: Path, console_errors: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.close()
    other_page = open_page()
    with other_page.expect_response("**/uploads/manifest/"):  # the page asks what the server expects
        other_page.goto(address)
    with other_page.expect_response("**/uploads/status/**"):
        pass
    expect(other_page.locator("[data-resume-text]")).to_be_hidden()  # the upload may be a healthy one

    fall_silent(installation, other_page)
    expect(other_page.locator("[data-resume-text]")).to_contain_text("of 9 uploaded from another device")
    send(other_page, files)
    proxy.gate.release()

    expect_all_sent(other_page)
    assert resent(proxy.patches) == []
    assert states(installation, other_page) == {"received": 9}
    clear_network_errors(console_errors)


def test_files_that_another_browser_uploaded_are_not_asked_for_after_a_reload(
    page: Page, open_page: OpenPage, proxy: Proxy, folder: Path, console_errors: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")
    other_page = open_page()
    other_page.goto(address)
    send(other_page, files)
    proxy.gate.release()
    expect_all_sent(other_page)

    expect(page.locator("[data-resume-text]")).to_be_hidden()

    expect_title(page, "Upload complete")
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
