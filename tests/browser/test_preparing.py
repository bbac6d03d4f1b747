"""What is compared before it is sent, and what waits for its turn."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, listen, new_album, sign_in
from tests.browser.desk import choose, drop, large, pictures, row, send, sendings, slow_down, states, title
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers]


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


def test_files_can_be_dropped_while_photos_are_sent(page: Page) -> None:
    new_album(page)
    slow_down(page)
    send(page, large(4))
    expect(page.locator(".pick[data-state=sending]").first).to_be_visible()

    drop(page, 2)

    expect(page.locator("[data-next-words]")).to_contain_text("2 photos")
    expect(row(page, "dropped-1.png")).to_contain_text("next batch")
