"""Files that are compared before sending, and files that wait for the next batch."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, new_album, sign_in
from tests.browser.desk import album_of, drop, expect_title, large, pictures, record_uploads, row, send, states
from tests.browser.gate import Gate
from tests.installation import PASSWORD, Installation
from tests.processing import making

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.mark.usefixtures("worker")
def test_a_file_that_the_album_already_has_is_not_sent(page: Page) -> None:
    new_album(page)
    files = pictures(3)
    send(page, files[:2])
    expect(page.locator(".report")).to_contain_text("2 photos added")
    sent = record_uploads(page)

    send(page, files)

    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".report")).to_contain_text("2 already in this album")
    assert len(sent) == 1


@pytest.mark.usefixtures("no_worker")
def test_the_next_batch_is_queued_while_the_album_is_locked_and_starts_automatically(
    page: Page, installation: Installation
) -> None:
    new_album(page)
    files = pictures(3)
    send(page, files)
    expect_title(page, "Upload complete: 3 uploaded")

    send(page, [*pictures(2, name="NEXT_{}.JPG"), files[0] | {"name": "COPY.JPG"}])

    next_batch = page.locator("[data-next-text]")
    expect(next_batch).to_contain_text("3 photos (3 new)")
    expect(next_batch).to_contain_text("They upload automatically next")
    assert states(installation, page) == {"received": 3}
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(5)
    expect(page.locator(".report")).to_contain_text(
        "1 already in this album"
    )  # the copy of a photo that was not processed yet


@pytest.mark.usefixtures("no_worker")
def test_a_queued_batch_can_be_kept_from_starting(page: Page, installation: Installation) -> None:
    new_album(page)
    send(page, pictures(2))
    expect_title(page, "Upload complete: 2 uploaded")
    send(page, pictures(2, name="NEXT_{}.JPG"))
    expect(page.locator("[data-next-text]")).to_contain_text("2 photos")

    page.get_by_role("button", name="Don\u2019t start automatically").click()
    installation.start("run_huey")

    expect(page.locator(".report")).to_contain_text("2 photos added")
    expect(page.get_by_role("button", name="Upload 2 photos")).to_be_visible()
    assert states(installation, page) == {"received": 2}


@pytest.mark.usefixtures("no_worker")
def test_an_upload_waits_for_the_batch_of_another_user(
    page: Page, installation: Installation, console_errors: list[str]
) -> None:
    installation.manage(
        *("createsuperuser", "--noinput", "--username", "berta", "--email", "berta@example.com"),
        env={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )
    new_album(page)
    other_session = installation.sign_in("berta")
    assert installation.send(other_session, album_of(page), {"berta.jpg": making.jpeg()}).ok

    send(page, pictures(2))

    expect(page.locator("[data-next-text]")).to_contain_text("2 photos (2 new) queued")
    expect(page.locator("#upload-panel")).to_contain_text("berta")
    installation.start("run_huey")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(3)
    assert all("409" in error for error in console_errors), console_errors
    console_errors.clear()


def test_more_files_than_a_batch_takes_are_sent_in_two(open_page: OpenPage, tmp_path: Path) -> None:
    with Installation(tmp_path, {"SWEEP_SECONDS": "1", "MAX_BATCH_FILES": "4"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        page = open_page(None, at=installation.url)
        sign_in(page)
        new_album(page)

        send(page, pictures(6))

        expect(page.locator(".tile:not(.tile--pending)")).to_have_count(6)
        assert installation.ask("SELECT count(*) FROM processing_batch") == [(2,)]
        page.close()


def test_files_can_be_dropped_while_others_are_sent(page: Page, gate: Gate) -> None:
    new_album(page)
    gate.hold()
    send(page, large(4))
    expect(page.locator(".file-row[data-state=sending]")).to_have_count(3)

    drop(page, 2)

    expect(page.locator("[data-next-text]")).to_contain_text("2 photos")
    expect(row(page, "dropped-1.png")).to_contain_text("queued")
