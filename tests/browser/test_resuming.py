"""Whatever network, server and browser do: every file arrives once, and no byte that was acknowledged is sent again."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHOTOS, forgive, listen, new_album, sign_in
from tests.browser.desk import choose
from tests.browser.recording import Proxy, resent
from tests.installation import NAME, PASSWORD, Installation
from tests.processing import making

# The way through the server; with a bucket the page sends straight to it, of which test_direct.py tells.
pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded]

SPEEDS = (700_000, 1_500_000, 3_000_000)


@pytest.fixture
def address(proxy: Proxy) -> str:
    """The browser reaches the server through the proxy alone."""
    return proxy.url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine files of some hundred kilobytes, other bytes each."""
    folder = tmp_path / "card"
    folder.mkdir()
    for number in range(1, 10):
        noise = random.Random(number).randbytes(300_000)
        (folder / f"IMG_{number:04}.JPG").write_bytes(making.jpeg((900, 600)) + noise)
    return folder


def send(page: Page, files: list[Path]) -> None:
    choose(page, files)
    page.get_by_role("button", name="Send").click()


def title(page: Page, words: str, seconds: float = 60) -> None:
    expect(page.locator("[data-title]")).to_contain_text(words, timeout=seconds * 1000)


def all_sent(page: Page, seconds: float = 60) -> None:
    title(page, "All sent", seconds)


def another_browser(chromium: Browser, proxy: Proxy, address: str, complaints: list[str]) -> Page:
    """The same person elsewhere, on the page of this address."""
    page = chromium.new_context(viewport=DESKTOP, base_url=proxy.url).new_page()
    listen(page, complaints)
    sign_in(page)
    page.goto(address)
    return page


def bytes_passed(proxy: Proxy, count: int) -> None:
    polling.until(lambda: proxy.passed() >= count, 60, f"fewer than {count} bytes went: {proxy.passed()}")


def begin(page: Page, proxy: Proxy, folder: Path, count: int) -> list[Path]:
    """Send what the folder holds on a slow line, until so many bytes have passed. Answers its files."""
    files = sorted(folder.iterdir())
    proxy.bytes_per_second = 400_000
    send(page, files)
    bytes_passed(proxy, count)
    return files


def ensure_arrived_once(installation: Installation, files: list[Path]) -> None:
    """Each as a photo, or as a failure or refusal with its name; and what is stored is what was sent."""
    expected = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    rows = installation.ask("SELECT name, state, sha256 FROM processing_upload")
    assert sorted(row[0] for row in rows) == sorted(file.name for file in files)
    assert {row[1] for row in rows} <= {"received", "refused"}
    assert sorted(row[2] for row in rows if row[2]) == sorted(expected)[: len([row for row in rows if row[2]])]
    done = installation.wait_until_idle(240)
    refused = sum(row[1] == "refused" for row in rows)
    assert done["photos"] + done["jobs"]["failed"] + refused == len(files)
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["corrupt"], verified["orphans"]) == ([], [], [])


def break_and_mend(page: Page, proxy: Proxy, dice: random.Random) -> str:
    """One of the ways in which a network goes; it is back, with another speed, when this returns."""
    way = dice.choice(("snap", "cut", "offline"))
    seconds = dice.uniform(0.2, 2.5)
    if way == "snap":
        proxy.snap()
    elif way == "cut":
        proxy.cut()
        page.wait_for_timeout(seconds * 1000)
        proxy.mend()
    else:
        page.context.set_offline(True)
        proxy.snap()
        page.wait_for_timeout(seconds * 1000)
        page.context.set_offline(False)
    proxy.bytes_per_second = dice.choice(SPEEDS)
    return f"{way} {seconds:.1f} s"


def survive(page: Page, proxy: Proxy, installation: Installation, files: list[Path]) -> None:
    """Ten cuts, two reloads and a restart at random moments of one batch."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - what it takes to repeat it
    dice = random.Random(seed)
    total = sum(file.stat().st_size for file in files)
    marks = sorted(dice.uniform(0.03, 0.9) for _ in range(13))
    events = ["cut"] * 10 + ["reload", "reload", "restart"]
    dice.shuffle(events)
    proxy.bytes_per_second = dice.choice(SPEEDS)
    new_album(page, "Survivors")
    send(page, files)

    for mark, event in zip(marks, events, strict=True):
        bytes_passed(proxy, int(mark * total))
        what = event
        if event == "cut":
            what = break_and_mend(page, proxy, dice)
        elif event == "reload":
            page.reload()
            expect(page.locator("[data-again-words]")).to_contain_text("still to come")
            title(page, "Still to come")  # and not that all that is here was sent
            choose(page, files)
        else:
            installation.kill("serve")
            page.wait_for_timeout(dice.uniform(100, 2000))
            installation.start("serve")
        print(f"{mark:.0%} {what}")  # noqa: T201
    proxy.bytes_per_second = 0
    all_sent(page, 120)

    installation.start("run_huey")
    ensure_arrived_once(installation, files)
    assert resent(proxy.patches) == []
    print(f"{len(proxy.patches)} parts, {proxy.passed() / total:.2f} times the bytes of {len(files)} files")  # noqa: T201


@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_sixty_photos_survive_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, installation: Installation, complaints: list[str]
) -> None:
    entries = json.loads((PHOTOS / "manifest.json").read_text(encoding="utf-8"))["entries"]
    seen: dict[str, Path] = {}
    for entry in entries:
        if entry["expected"] == "accept":
            seen.setdefault(entry["sha256"], PHOTOS / entry["path"])

    survive(page, proxy, installation, list(seen.values())[:60])

    forgive(complaints)


def test_a_small_batch_survives_ten_cuts_two_reloads_and_a_restart(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    survive(page, proxy, installation, sorted(folder.iterdir()))

    forgive(complaints)


def test_after_a_reload_the_files_chosen_again_go_on_where_they_stopped(
    page: Page, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-again-words]")).to_contain_text("of 9 photos are still to come")
    proxy.bytes_per_second = 0

    choose(page, files)

    all_sent(page)
    assert resent(proxy.patches) == []
    rows = installation.ask("SELECT DISTINCT state FROM processing_upload")
    assert rows == [("received",)]
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
    proxy.bytes_per_second = 400_000
    page.get_by_role("button", name="Choose photos").click()
    page.get_by_role("button", name="Send 6 photos").click()
    bytes_passed(proxy, 700_000)
    proxy.bytes_per_second = 0

    page.reload()

    all_sent(page)
    assert resent(proxy.patches) == []
    assert installation.ask("SELECT state, count(*) FROM processing_upload GROUP BY state") == [("received", 6)]
    forgive(complaints)


def test_another_browser_of_the_same_person_goes_on_too(
    page: Page, chromium: Browser, proxy: Proxy, installation: Installation, folder: Path, complaints: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.close()
    proxy.bytes_per_second = 0
    other = another_browser(chromium, proxy, address, complaints)

    expect(other.locator("[data-again-words]")).to_contain_text("9 files expected")
    choose(other, files)

    all_sent(other)
    assert resent(proxy.patches) == []
    assert installation.ask("SELECT state, count(*) FROM processing_upload GROUP BY state") == [("received", 9)]
    other.context.close()
    forgive(complaints)


def test_what_arrived_from_elsewhere_after_a_reload_is_not_asked_for_again(
    page: Page, chromium: Browser, proxy: Proxy, folder: Path, complaints: list[str]
) -> None:
    address = new_album(page)
    files = begin(page, proxy, folder, 1_200_000)
    page.reload()
    expect(page.locator("[data-again-words]")).to_contain_text("of 9 photos are still to come")
    proxy.bytes_per_second = 0
    other = another_browser(chromium, proxy, address, complaints)
    choose(other, files)
    all_sent(other)

    expect(page.locator("[data-again-words]")).to_be_hidden()

    title(page, "All sent")
    other.context.close()
    forgive(complaints)


def test_while_the_network_is_away_it_waits_and_goes_on_by_itself(
    page: Page, proxy: Proxy, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)

    page.context.set_offline(True)
    proxy.snap()
    expect(page.locator("[data-line-words]")).to_contain_text("No network")
    page.wait_for_timeout(8000)
    expect(page.locator(".pick[data-state=failed]")).to_have_count(0)
    proxy.bytes_per_second = 0
    page.context.set_offline(False)

    all_sent(page)
    expect(page.locator("[data-line]")).to_be_hidden()
    forgive(complaints)


def test_what_stalls_is_given_up_and_sent_again(page: Page, proxy: Proxy, folder: Path, complaints: list[str]) -> None:
    new_album(page)
    page.evaluate("document.querySelector('[data-desk]').dataset.stallMs = 1500")
    # So slow that nothing moves for longer than the watch waits: a piece takes sixteen seconds.
    proxy.bytes_per_second = 1_000
    send(page, sorted(folder.iterdir()))
    polling.until(lambda: len(proxy.patches) >= 3)
    page.wait_for_timeout(4000)
    stalled = len(proxy.patches)

    proxy.bytes_per_second = 0
    proxy.snap()

    all_sent(page)
    assert len(proxy.patches) > stalled
    assert resent(proxy.patches) == []
    forgive(complaints)


def test_who_is_signed_out_signs_in_in_another_tab_and_sending_goes_on(
    page: Page, proxy: Proxy, folder: Path, complaints: list[str]
) -> None:
    new_album(page)
    begin(page, proxy, folder, 600_000)
    page.context.clear_cookies()

    expect(page.locator("[data-line-words]")).to_contain_text("You have been signed out")
    with page.context.expect_page() as opened:
        page.locator("[data-sign-in]").click()
    tab = opened.value
    proxy.bytes_per_second = 0
    tab.get_by_label("Username").fill(NAME)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/albums/")

    all_sent(page)
    assert resent(proxy.patches) == []
    forgive(complaints)


def test_an_upload_that_expired_meanwhile_begins_anew(
    chromium: Browser, tmp_path: Path, folder: Path, complaints: list[str]
) -> None:
    with Installation(tmp_path, {"SWEEP_SECONDS": "1", "UPLOAD_EXPIRY_SECONDS": "3"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        proxy = Proxy(installation.port)
        page = chromium.new_context(viewport=DESKTOP, base_url=proxy.url).new_page()
        listen(page, complaints)
        sign_in(page)
        new_album(page)
        begin(page, proxy, folder, 400_000)
        proxy.cut()
        polling.until(
            lambda: installation.ask("SELECT count(*) FROM processing_upload WHERE state = 'receiving'") == [(0,)], 30
        )
        proxy.bytes_per_second = 0
        proxy.mend()

        expect(page.locator(".tile")).to_have_count(9, timeout=60_000)
        page.context.close()
        proxy.close()
    forgive(complaints)
