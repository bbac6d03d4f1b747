"""Whatever network, server and browser do: every file arrives once, and no byte that was acknowledged is sent again."""

import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import PHOTOS, OpenPage, forgive, new_album
from tests.browser.desk import NEVER_STALL, album_of, choose, send, states, title, wait_for
from tests.browser.gate import Gate
from tests.browser.recording import Proxy, resent
from tests.installation import PASSWORD, Installation
from tests.processing import making

# The way through the server; with a bucket the page sends straight to it, of which test_direct.py tells.
pytestmark = [
    *(pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded),
    pytest.mark.usefixtures("no_worker"),  # a batch that is done is no longer listed as sent
]

HURRY = "Math.random = () => 0.02"
"""Of the time up to which a page waits at random before it tries again, so much."""
UNDER_WAY = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"

AN_HOUR_LATER = "const now = performance.now.bind(performance); performance.now = () => now() + 3_600_000"
AN_HOUR_AGO = "datetime('now', '-1 hour')"


@pytest.fixture
def page(open_page: OpenPage, proxy: Proxy) -> Page:
    """It reaches the server through the proxy alone."""
    page = open_page()
    page.add_init_script(HURRY)
    return page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine files of some hundred kilobytes, other bytes each."""
    folder = tmp_path / "card"
    folder.mkdir()
    for number in range(1, 10):
        noise = random.Random(number).randbytes(300_000)
        (folder / f"IMG_{number:04}.JPG").write_bytes(making.jpeg((900, 600)) + noise)
    return folder


def all_sent(page: Page) -> None:
    expect(page.locator("[data-title]")).to_contain_text(
        re.compile("Upload complete|failed to upload"), timeout=120_000
    )
    assert page.locator(".pick[data-state=failed]").all_inner_texts() == []
    title(page, "Upload complete")


def bytes_passed(gate: Gate, count: int) -> None:
    """Wait until the gate has let `count` bytes pass. A cut may have lost some of them behind it."""
    polling.until(lambda: gate.passed >= count, 120, f"fewer than {count} bytes went: {gate.passed}")


def begin(page: Page, proxy: Proxy, folder: Path, count: int) -> list[Path]:
    """Send the files of the folder, hold them after `count` bytes until the gate is released, and return them."""
    files = sorted(folder.iterdir())
    proxy.gate.hold_at(count)
    send(page, files)
    bytes_passed(proxy.gate, count)
    return files


def ensure_arrived_once(installation: Installation, files: list[Path], album: int) -> None:
    """Each as a photo, or as a failure or refusal with its name; and what is stored is what was sent."""
    expected = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    rows = installation.ask(f"SELECT name, state, sha256 FROM processing_upload WHERE album_id = {album}")
    assert sorted(row[0] for row in rows) == sorted(file.name for file in files)
    assert {row[1] for row in rows} <= {"received", "refused"}
    assert sorted(row[2] for row in rows if row[2]) == sorted(expected)[: len([row for row in rows if row[2]])]
    polling.until(lambda: installation.ask(UNDER_WAY) == [(0,)], 600, "the queue does not run empty")
    refused = sum(row[1] == "refused" for row in rows)
    [(photos,)] = installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {album}")
    jobs = f"SELECT count(*) FROM processing_processingjob WHERE album_id = {album} AND state = 'failed'"
    [(failed,)] = installation.ask(jobs)
    assert photos + failed + refused == len(files)
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["corrupt"], verified["orphans"]) == ([], [], [])


def break_and_mend(page: Page, proxy: Proxy, dice: random.Random) -> str:
    """One of the ways in which a network goes, for a moment or until the page says so; it is back when this returns."""
    way, is_noticed = dice.choice(("snap", "cut", "offline")), dice.random() < 0.5
    if way == "snap":
        proxy.snap()
        return way
    page.context.set_offline(way == "offline")
    proxy.cut()  # when offline, too: Chromium itself sends again what breaks on a connection that was used before
    if is_noticed:
        expect(page.locator("[data-connection]")).to_be_visible()
    proxy.mend()
    page.context.set_offline(False)
    return f"{way} {'until it was noticed' if is_noticed else 'for a moment'}"


def survive(page: Page, proxy: Proxy, installation: Installation, files: list[Path]) -> None:
    """Ten cuts, two reloads and a restart of the server, each when a random number of bytes of one batch has passed."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - what it takes to repeat it
    dice = random.Random(seed)
    total = sum(file.stat().st_size for file in files)
    marks = sorted(int(dice.uniform(0.03, 0.9) * total) for _ in range(13))
    events = ["cut"] * 10 + ["reload", "reload", "restart"]
    dice.shuffle(events)
    new_album(page, "Survivors")
    proxy.gate.hold_at(marks[0])
    send(page, files)

    for mark, event, following in zip(marks, events, [*marks[1:], 2**63], strict=True):
        bytes_passed(proxy.gate, mark)
        what = event
        if event == "cut":
            what = break_and_mend(page, proxy, dice)
        elif event == "reload":
            page.reload()
            expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted")
            title(page, "Waiting for files")  # and not that all that is here was sent
            choose(page, files)
        else:
            installation.kill("serve")
            if dice.random() < 0.5:
                expect(page.locator("[data-connection]")).to_be_visible()
            installation.start("serve")
        print(f"{mark / total:.0%} {what}")  # noqa: T201
        proxy.gate.hold_at(following)
    all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, files, album_of(page))
    assert resent(proxy.patches) == []
    print(f"{len(proxy.patches)} parts, {proxy.passed() / total:.2f} times the bytes of {len(files)} files")  # noqa: T201


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_sixty_photos_survive_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, mortal: Installation, complaints: list[str]
) -> None:
    entries = json.loads((PHOTOS / "manifest.json").read_text(encoding="utf-8"))["entries"]
    seen: dict[str, Path] = {}
    for entry in entries:
        if entry["expected"] == "accept":
            seen.setdefault(entry["sha256"], PHOTOS / entry["path"])

    survive(page, proxy, mortal, list(seen.values())[:60])

    forgive(complaints)


@pytest.mark.timeout(900)
def test_a_small_batch_survives_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, mortal: Installation, folder: Path, complaints: list[str]
) -> None:
    survive(page, proxy, mortal, sorted(folder.iterdir()))

    forgive(complaints)


@pytest.mark.smoke
def test_after_a_reload_the_files_chosen_again_go_on_where_they_stopped(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")

    choose(page, files)
    proxy.gate.release()

    all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 9}
    forgive(complaints)


def test_with_the_browsers_file_handles_it_goes_on_by_itself_after_a_reload(
    page: Page, proxy: Proxy, installation: Installation, complaints: list[str]
) -> None:
    """The files lie in the browser's own file system, whose handles are real ones; only the dialog is answered for the person."""
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
    page.evaluate(NEVER_STALL)
    page.get_by_role("button", name="Browse files").click()
    page.get_by_role("button", name="Upload 6 photos").click()
    bytes_passed(proxy.gate, 700_000)

    page.reload()
    proxy.gate.release()

    all_sent(page)
    assert resent(proxy.patches) == []
    assert states(installation, page) == {"received": 6}
    forgive(complaints)


def test_another_browser_of_the_same_person_goes_on_too(
    page: Page, open_page: OpenPage, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.close()
    other = open_page()
    other.goto(address)

    expect(other.locator("[data-resume-text]")).to_contain_text("of 9 uploaded from another device")
    choose(other, files)
    proxy.gate.release()

    all_sent(other)
    assert resent(proxy.patches) == []
    assert states(installation, other) == {"received": 9}
    forgive(complaints)


def test_what_arrived_from_elsewhere_after_a_reload_is_not_asked_for_again(
    page: Page, open_page: OpenPage, proxy: Proxy, folder: Path, complaints: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("of 9 left")
    other = open_page()
    other.goto(address)
    choose(other, files)
    proxy.gate.release()
    all_sent(other)

    expect(page.locator("[data-resume-text]")).to_be_hidden()

    title(page, "Upload complete")
    forgive(complaints)


def test_while_the_network_is_away_it_waits_and_goes_on_by_itself(
    page: Page, proxy: Proxy, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)
    failed: list[Request] = []
    page.on("requestfailed", lambda request: failed.append(request))  # not itself: Playwright marks it

    page.context.set_offline(True)
    proxy.cut()
    expect(page.locator("[data-connection-text]")).to_contain_text("You\u2019re offline")
    asked = "what is asked more often than a file is tried again (RETRIES in tus-upload.js)"
    wait_for(page, lambda: sum(request.method == "HEAD" for request in failed) > 8, asked)
    expect(page.locator(".file-row[data-state=failed]")).to_have_count(0)
    proxy.gate.release()
    proxy.mend()
    page.context.set_offline(False)

    all_sent(page)
    expect(page.locator("[data-connection]")).to_be_hidden()
    forgive(complaints)


def test_what_stalls_is_given_up_and_sent_again(
    page: Page, proxy: Proxy, gate: Gate, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    gate.hold()
    send(page, sorted(folder.iterdir()))
    polling.until(lambda: gate.held == 3, 60, "nothing is on its way")
    page.get_by_role("button", name="Pause").click()
    polling.until(lambda: gate.held == 0, 60, "what was on its way is not given up")

    page.evaluate("document.querySelector('[data-uploader]').dataset.stallMs = 1500")
    page.get_by_role("button", name="Resume").click()
    polling.until(lambda: gate.held == 3, 60, "nothing is on its way")
    stalled = len(proxy.patches)
    polling.until(lambda: len(proxy.patches) > stalled, 60, "what stalls is not sent again")
    page.evaluate("document.querySelector('[data-uploader]').dataset.stallMs = 600_000")
    gate.release()

    all_sent(page)
    assert resent(proxy.patches) == []
    forgive(complaints)


def test_who_is_signed_out_signs_in_in_another_tab_and_sending_goes_on(
    page: Page, proxy: Proxy, account: Account, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)
    page.context.clear_cookies()
    proxy.gate.release()

    expect(page.locator("[data-connection-text]")).to_contain_text("You\u2019ve been signed out")
    with page.context.expect_page() as opened:
        page.locator("[data-sign-in]").click()
    tab = opened.value
    tab.get_by_label("Username").fill(account.name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/albums/")

    all_sent(page)
    assert resent(proxy.patches) == []
    forgive(complaints)


def test_an_upload_that_expired_meanwhile_begins_anew(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 400_000)
    proxy.cut()
    page.evaluate(AN_HOUR_LATER)
    installation.start("run_huey")  # whose sweep lets them expire

    def has_expired() -> bool:
        """A request that was just cut off may still put its upload's expiry off."""
        installation.change(
            f"UPDATE processing_upload SET expires_at = {AN_HOUR_AGO}"
            f" WHERE album_id = {album_of(page)} AND state = 'receiving'"
        )
        return "receiving" not in states(installation, page)

    polling.until(has_expired, 120, "nothing expires")
    proxy.gate.release()
    proxy.mend()

    expect(page.locator(".tile")).to_have_count(9)
    page.close()
    forgive(complaints)
