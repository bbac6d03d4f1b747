"""Photos that other albums or the album's trash have already: the tray asks before they are uploaded."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import album_of, pictures, record_uploads, row, send
from tests.browser.looking import SCHEMES, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]


@pytest.mark.usefixtures("worker")
def test_each_decision_about_known_photos_is_followed(open_page: OpenPage, installation: Installation) -> None:
    page = open_page(records_console=False)  # axe adds styles to the page
    files = pictures(6)
    new_album(page, "Rome")
    upload(page, files[:3])
    rome = album_of(page)
    new_album(page, "Best of")
    upload(page, files[3:4])
    move_to_trash(page, "IMG_0004.JPG")
    sent = record_uploads(page)

    send(page, files)

    elsewhere, trash = page.locator("[data-ask-elsewhere]"), page.locator("[data-ask-trash]")
    expect(elsewhere).to_contain_text("3 of these photos are already in other albums: Rome (3).")
    expect(trash).to_contain_text("1 of these photos is in this album\u2019s trash.")
    expect(row(page, "IMG_0001.JPG")).to_contain_text("also in Rome")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(2)  # the others do not wait for a decision
    assert len(sent) == 2
    ensure_accessible_everywhere(page)

    row(page, "IMG_0001.JPG").get_by_role("button", name="Decide").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="IMG_0001.JPG")
    expect(dialog).to_contain_text("Already in the album Rome.")
    ensure_accessible(page, "dialog")
    dialog.get_by_role("button", name="Upload anyway").press("Enter")
    expect(elsewhere).to_contain_text("2 of these photos are")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(3)
    assert len(sent) == 3
    row(page, "IMG_0002.JPG").get_by_role("button", name="Decide").click()
    page.get_by_role("dialog").get_by_role("button", name="Skip").click()
    expect(elsewhere).to_contain_text("1 of these photos is")

    page.reload()
    expect(elsewhere).to_contain_text("1 of these photos is already in other albums: Rome (1).")
    trash.get_by_role("button", name="Restore").press("Enter")
    expect(trash).to_be_hidden()
    elsewhere.get_by_role("button", name="Add here without uploading").click()
    expect(page.locator("#toasts")).to_contain_text("1 photo was copied to Best of.")

    expect(elsewhere).to_be_hidden()
    page.reload()
    expect(page.locator(".tile")).to_have_count(5)
    assert len(sent) == 3
    assert installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {rome}") == [(3,)]
    messages = installation.ask(
        f"SELECT name, message FROM processing_upload WHERE album_id = {album_of(page)} AND message <> ''"
    )
    assert set(messages) == {
        ("IMG_0002.JPG", "Skipped: also in the album “Rome”, as IMG_0002.JPG."),
        ("IMG_0003.JPG", "Copied from the album “Rome”, as IMG_0003.JPG."),
        ("IMG_0004.JPG", "Restored from this album's trash, as IMG_0004.JPG."),
    }


@pytest.mark.usefixtures("worker")
def test_two_browsers_that_decide_about_the_same_photos_store_each_once(
    open_page: OpenPage, installation: Installation
) -> None:
    page, phone = open_page(records_console=False), open_page(records_console=False, viewport=PHONE, has_touch=True)
    files = pictures(3)
    new_album(page, "Rome")
    upload(page, files)
    new_album(page, "Best of")
    phone.goto(page.url)
    question, question_on_phone = (each.locator("[data-ask-elsewhere]") for each in (page, phone))
    sent = [record_uploads(page), record_uploads(phone)]
    for each in (page, phone):
        send(each, files)
        expect(each.locator("[data-ask-elsewhere]")).to_contain_text("3 of these photos are already in other albums")
    ensure_accessible(phone, "question on a phone")

    phone.context.set_offline(True)
    question_on_phone.get_by_role("button", name="Add here without uploading").tap()
    expect(phone.locator("[data-connection]")).to_be_visible()
    question.get_by_role("button", name="Skip").click()
    expect(question).to_be_hidden()
    phone.context.set_offline(False)

    expect(question_on_phone).to_be_hidden()
    expect(phone.locator(".tile:not(.tile--pending)")).to_have_count(3)
    assert sent == [[], []]
    album = album_of(page)
    photos = "SELECT count(*), count(DISTINCT original_sha256) FROM albums_photo WHERE album_id = {}"
    assert installation.ask(photos.format(album)) == [(3, 3)]
    page.goto("/batches/")
    entries = page.locator(".entry").filter(has_text="Best of")
    expect(entries.first).to_contain_text("3 already in album")  # copied on the phone
    expect(entries.nth(1)).to_contain_text("3 in other albums")


def upload(page: Page, files: list[dict[str, object]]) -> None:
    send(page, files)
    expect(page.locator(".report")).to_contain_text("added")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(len(files))


def move_to_trash(page: Page, name: str) -> None:
    address = page.url
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(f"{name} was moved to the trash.").first).to_be_visible()
    page.goto(address)
    expect(page.locator(".tile")).to_have_count(0)


def ensure_accessible_everywhere(page: Page) -> None:
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            ensure_accessible(page, f"{size} {scheme}")
