"""What is compared before it is sent, and what waits for its turn."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, new_album, sign_in
from tests.browser.desk import album_of, choose, drop, large, pictures, row, send, sendings, states, title
from tests.browser.gate import Gate
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.mark.usefixtures("worker")
def test_a_file_that_is_in_the_album_already_is_not_sent(page: Page) -> None:
    new_album(page)
    files = pictures(3)
    send(page, files[:2])
    expect(page.locator(".report")).to_contain_text("2 photos added")
    sent = sendings(page)

    choose(page, files)
    expect(page.locator("[data-detail]")).to_contain_text("1 new, 2 already in album")
    page.get_by_role("button", name="Upload").click()

    expect(page.locator(".tile")).to_have_count(3)
    assert len(sent) == 1


@pytest.mark.usefixtures("no_worker")
def test_the_next_batch_is_prepared_while_the_album_is_locked_and_goes_by_itself(
    page: Page, installation: Installation
) -> None:
    new_album(page)
    files = pictures(3)
    send(page, files)
    title(page, "Upload complete: 3 uploaded")

    choose(page, [*pictures(2, name="NEXT_{}.JPG"), files[0] | {"name": "COPY.JPG"}])

    next_batch = page.locator("[data-next-text]")
    expect(next_batch).to_contain_text("3 photos (3 new)")
    expect(next_batch).to_contain_text("They upload automatically next")
    assert states(installation, page) == {"received": 3}
    installation.start("run_huey")
    expect(page.locator(".tile")).to_have_count(5)
    expect(page.locator(".report")).to_contain_text("1 already in album")  # the copy of a photo that was not one yet


@pytest.mark.usefixtures("no_worker")
def test_what_was_prepared_can_be_held_back(page: Page, installation: Installation) -> None:
    new_album(page)
    send(page, pictures(2))
    title(page, "Upload complete: 2 uploaded")
    choose(page, pictures(2, name="NEXT_{}.JPG"))
    expect(page.locator("[data-next-text]")).to_contain_text("2 photos")

    page.get_by_role("button", name="Don\u2019t start automatically").click()
    installation.start("run_huey")

    expect(page.locator(".report")).to_contain_text("2 photos added")
    expect(page.get_by_role("button", name="Upload 2 photos")).to_be_visible()
    assert states(installation, page) == {"received": 2}


@pytest.mark.usefixtures("no_worker")
def test_somebody_elses_batch_is_waited_for(page: Page, installation: Installation, complaints: list[str]) -> None:
    installation.manage(
        *("createsuperuser", "--noinput", "--username", "berta", "--email", "berta@example.com"),
        env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )
    new_album(page)
    theirs = installation.sign_in("berta")
    assert installation.send(theirs, album_of(page), {"berta.jpg": making.jpeg()}).ok

    send(page, pictures(2))

    expect(page.locator("[data-next-text]")).to_contain_text("2 photos (2 new) queued")
    expect(page.locator("#upload-panel")).to_contain_text("berta")
    installation.start("run_huey")
    expect(page.locator(".tile")).to_have_count(3)
    assert all("409" in said for said in complaints), complaints
    complaints.clear()


def test_more_than_a_batch_goes_in_two(open_page: OpenPage, tmp_path: Path) -> None:
    with Installation(tmp_path, {"SWEEP_SECONDS": "1", "MAX_BATCH_FILES": "4"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        page = open_page(None, at=installation.url)
        sign_in(page)
        new_album(page)

        send(page, pictures(6))

        expect(page.locator(".tile")).to_have_count(6)
        assert installation.ask("SELECT count(*) FROM processing_batch") == [(2,)]
        page.close()


def test_files_can_be_dropped_while_photos_are_sent(page: Page, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(4))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    drop(page, 2)

    expect(page.locator("[data-next-text]")).to_contain_text("2 photos")
    expect(row(page, "dropped-1.png")).to_contain_text("queued")
