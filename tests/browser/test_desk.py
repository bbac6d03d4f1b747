"""The desk: what a person sees and can do while photos are chosen, compared, sent, paused, cancelled and tried again."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, Request, Route, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHONE, listen, new_album, sign_in
from tests.browser.looking import ensure_accessible, ensure_heard, hear, unheard_page
from tests.browser.test_first_light import choose, drop, pictures, send
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers]

UPLOADS = re.compile(r"/uploads/[0-9a-f-]{36}/$")
LARGE = 400_000


def large(count: int, name: str = "IMG_{:04}.JPG") -> list[dict[str, object]]:
    """Files that take a while on a slow line."""
    files = pictures(count, name=name)
    for number, file in enumerate(files):
        file["buffer"] = making.jpeg() + bytes([number]) * LARGE
    return files


def slow_down(page: Page, bytes_per_second: int = 400_000) -> None:
    devtools = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    devtools.send("Network.emulateNetworkConditions", slow)


def row(page: Page, name: str) -> Locator:
    return page.locator(".pick").filter(has_text=name)


def title(page: Page, words: str, seconds: float = 30) -> None:
    expect(page.locator("[data-title]")).to_contain_text(words, timeout=seconds * 1000)


def states(installation: Installation) -> dict[str, int]:
    return dict(installation.ask("SELECT state, count(*) FROM processing_upload GROUP BY state"))


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


def sendings(of: Page | BrowserContext) -> list[str]:
    """Where bytes of files are sent from now on: to the server, or to the bucket."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method in ("PATCH", "PUT"):
            sent.append(request.url.partition("?")[0])

    of.on("request", note)
    return sent


def test_a_file_that_is_in_the_album_already_is_not_sent(page: Page, installation: Installation) -> None:
    installation.start("run_huey")
    new_album(page)
    files = pictures(3)
    send(page, files[:2])
    expect(page.locator(".report")).to_contain_text("2 photos added")
    sent = sendings(page)

    choose(page, files)
    expect(page.locator("[data-detail]")).to_contain_text("1 new, 2 here already")
    page.get_by_role("button", name="Send").click()

    expect(page.locator(".tile")).to_have_count(3)
    assert len(sent) == 1


def test_the_next_batch_is_prepared_while_the_album_is_locked_and_goes_by_itself(
    page: Page, installation: Installation
) -> None:
    new_album(page)
    files = pictures(3)
    send(page, files)
    title(page, "All sent: 3 received")

    choose(page, [*pictures(2, name="NEXT_{}.JPG"), files[0] | {"name": "COPY.JPG"}])

    next_batch = page.locator("[data-next-words]")
    expect(next_batch).to_contain_text("3 photos (3 new)")
    expect(next_batch).to_contain_text("by themselves, when this one is done")
    assert states(installation) == {"received": 3}
    installation.start("run_huey")
    expect(page.locator(".tile")).to_have_count(5, timeout=30_000)
    expect(page.locator(".report")).to_contain_text("1 not taken in")  # the copy of a photo that was not one yet


def test_what_was_prepared_can_be_held_back(page: Page, installation: Installation) -> None:
    new_album(page)
    send(page, pictures(2))
    title(page, "All sent: 2 received")
    choose(page, pictures(2, name="NEXT_{}.JPG"))

    page.get_by_role("button", name="Hold them back").click()
    installation.start("run_huey")

    expect(page.locator(".report")).to_contain_text("2 photos added")
    expect(page.get_by_role("button", name="Send 2 photos")).to_be_visible()
    assert states(installation) == {"received": 2}


def test_somebody_elses_batch_is_waited_for(
    page: Page, chromium: Browser, installation: Installation, complaints: list[str]
) -> None:
    installation.manage(
        *("createsuperuser", "--noinput", "--username", "berta", "--email", "berta@example.com"),
        env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )
    address = new_album(page)
    theirs = installation.sign_in("berta")
    album = int(address.rstrip("/").rpartition("/")[2])
    assert installation.send(theirs, album, {"berta.jpg": making.jpeg()}).ok

    send(page, pictures(2))

    expect(page.locator("[data-next-words]")).to_contain_text("2 photos (2 new) go with the next batch")
    expect(page.locator("#upload-panel")).to_contain_text("berta")
    installation.start("run_huey")
    expect(page.locator(".tile")).to_have_count(3, timeout=30_000)
    assert all("409" in said for said in complaints), complaints
    complaints.clear()


def test_more_than_a_batch_goes_in_two(chromium: Browser, tmp_path: Path, complaints: list[str]) -> None:
    with Installation(tmp_path, {"SWEEP_SECONDS": "1", "MAX_BATCH_FILES": "4"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        page = chromium.new_context(viewport=DESKTOP, base_url=installation.url).new_page()
        listen(page, complaints)
        sign_in(page)
        new_album(page)

        send(page, pictures(6))

        expect(page.locator(".tile")).to_have_count(6, timeout=30_000)
        assert installation.ask("SELECT count(*) FROM processing_batch") == [(2,)]
        page.context.close()


def test_each_folder_becomes_an_album_if_the_person_says_so(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    installation.start("run_huey")
    card = tmp_path / "DCIM"
    for folder in ("Monday", "Tuesday"):
        (card / folder).mkdir(parents=True)
        for number in range(1, 3):
            (card / folder / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    (card / "Monday" / ".DS_Store").write_bytes(b"no photo")
    (card / "Monday" / "notes.txt").write_bytes(b"no photo")
    new_album(page)

    page.locator("#desk-folder").set_input_files(card)
    expect(page.get_by_text("2 files in the folders are no photos and were left out")).to_be_visible()
    page.get_by_label("Each folder to an album of its own").check()
    page.get_by_role("button", name="Send 4 photos").click()

    title(page, "All sent: 4 received")
    page.get_by_role("link", name="Tuesday").click()
    expect(page.get_by_role("heading", name="Tuesday")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)


def test_folders_can_go_into_this_album_too_and_their_files_go_in_order(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    installation.start("run_huey")
    for number in (10, 9, 2, 1):
        (tmp_path / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    new_album(page)

    page.locator("#desk-folder").set_input_files(tmp_path)
    page.get_by_role("button", name="Send 4 photos").click()

    expect(page.locator(".report")).to_contain_text("4 photos added", timeout=30_000)
    page.reload()
    shown = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert shown == ["IMG_1.JPG", "IMG_2.JPG", "IMG_9.JPG", "IMG_10.JPG"]


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


def test_files_can_be_dropped_while_photos_are_sent(page: Page) -> None:
    new_album(page)
    slow_down(page)
    send(page, large(4))
    expect(page.locator(".pick[data-state=sending]").first).to_be_visible()

    drop(page, 2)

    expect(page.locator("[data-next-words]")).to_contain_text("2 photos")
    expect(row(page, "dropped-1.png")).to_contain_text("next batch")


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
