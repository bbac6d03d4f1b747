"""Uploads of whole folders, into one album or into one album per folder."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from processing.pipeline.formats import extensions
from tests.browser.conftest import OpenPage, new_album
from tests.browser.desk import expect_title
from tests.browser.looking import ensure_accessible
from tests.pipeline import raws
from tests.processing import making
from tests.processing.jobs.test_grouping import MOV, TAKEN, jpeg, sidecar
from tests.processing.jobs.test_takeout_names import takeout_json

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]


def test_each_folder_becomes_an_album_if_the_user_chooses_so(page: Page, tmp_path: Path) -> None:
    card = tmp_path / "DCIM"
    for folder in ("Monday", "Tuesday"):
        (card / folder).mkdir(parents=True)
        for number in range(1, 3):
            (card / folder / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    (card / "Monday" / ".DS_Store").write_bytes(b"no photo")
    (card / "Monday" / "notes.txt").write_bytes(b"no photo")
    new_album(page)

    page.locator("#uploader-folder").set_input_files(card)
    expect(page.get_by_text("Skipped 1 unsupported file: DCIM/Monday/notes.txt.")).to_be_visible()
    expect(page.get_by_text("1 companion file skipped")).to_be_visible()
    page.get_by_label("A new album per folder").check()
    page.get_by_role("button", name="Upload 4 photos").click()

    expect_title(page, "Upload complete: 4 uploaded")
    page.get_by_role("link", name="Tuesday").click()
    expect(page.get_by_role("heading", name="Tuesday")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)


def test_folders_become_albums_inside_the_album_if_the_user_chooses_so(page: Page, tmp_path: Path) -> None:
    for folder in ("Trip", "Trip/Rome", "Trip/Rome/Day 2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IMG_1.JPG").write_bytes(making.jpeg((90, 60)))
    new_album(page, "Italy")

    page.locator("#uploader-folder").set_input_files(tmp_path / "Trip")
    page.get_by_label("Albums inside this album").check()
    page.get_by_role("button", name="Upload 3 photos").click()
    expect_title(page, "Upload complete: 3 uploaded")

    page.get_by_role("link", name="Day 2").click()
    path = page.get_by_role("navigation", name="Path").get_by_role("link")
    expect(path).to_have_text(["Albums", "Italy", "Trip", "Rome"])
    expect(page.locator(".tile")).to_have_count(1)
    path.nth(3).click()
    expect(page.get_by_role("heading", name="Rome")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.get_by_role("list", name="Albums inside").get_by_role("link", name="Day 2")).to_be_visible()


def test_files_of_a_folder_can_be_uploaded_to_this_album_in_natural_order(page: Page, tmp_path: Path) -> None:
    for number in (10, 9, 2, 1):
        (tmp_path / f"IMG_{number}.JPG").write_bytes(making.jpeg((90, 60)))
    new_album(page)

    page.locator("#uploader-folder").set_input_files(tmp_path)
    page.get_by_role("button", name="Upload 4 photos").click()

    expect(page.locator(".report")).to_contain_text("4 photos added")
    page.reload()
    names = page.locator(".tile img.frame__image").evaluate_all("all => all.map(i => i.alt)")
    assert names == ["IMG_1.JPG", "IMG_2.JPG", "IMG_9.JPG", "IMG_10.JPG"]


def test_a_card_is_uploaded_completely_and_skipped_files_are_on_the_receipt(
    page: Page, open_page: OpenPage, tmp_path: Path
) -> None:
    raw = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    card = tmp_path / "DCIM"
    uploaded = {
        "IMG_1.DNG": raw,
        "IMG_1.JPG": jpeg(TAKEN),
        "IMG_1.xmp": sidecar(),
        "IMG_1.MOV": MOV,
        "IMG_1.JPG.json": takeout_json("IMG_1.JPG"),
    }
    skipped = {"MVI_2.AVI": b"RIFF", "IMG_1.AAE": b"<plist/>", "._IMG_1.JPG": b"\0\5\x16\7"}
    (card / "@eaDir").mkdir(parents=True)
    (card / "@eaDir" / "thumb.jpg").write_bytes(making.jpeg())
    for name, content in {**uploaded, **skipped}.items():
        (card / name).write_bytes(content)
    new_album(page)

    page.locator("#uploader-folder").set_input_files(card)
    expect(page.get_by_text("Skipped 1 unsupported file: DCIM/MVI_2.AVI.")).to_be_visible()
    expect(page.get_by_text("3 companion files skipped")).to_be_visible()
    page.get_by_role("button", name="Upload 5 photos").click()

    expect(page.locator(".report")).to_contain_text("3 companion files skipped")
    expect(page.locator(".report")).to_contain_text("4 related files")
    expect(page.locator(".report")).to_contain_text("1 skipped")
    address = page.url
    page.get_by_role("link", name="Receipt").click()
    receipt_text = page.locator(".receipt__text")
    expect(receipt_text).to_contain_text(
        "5 of 6 are stored and verified. 1 was skipped. Do not format the card yet.", timeout=60_000
    )
    expect(page.locator(".receipt")).to_contain_text("3 companion files skipped")
    expect(page.get_by_role("listitem").filter(has_text="MVI_2.AVI")).to_contain_text("select the file itself")
    unrecorded_page = open_page(records_console=False)
    for url in (address, page.url):
        unrecorded_page.goto(url)
        ensure_accessible(unrecorded_page, url)


def test_a_folder_without_photos_is_reported(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"no photo")
    new_album(page)

    page.locator("#uploader-folder").set_input_files(tmp_path)

    expect_title(page, "No photos to upload")
    expect(page.get_by_text("notes.txt. If it is a photo")).to_be_visible()
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator("[data-batch]")).to_be_hidden()


def test_skipped_files_of_a_folder_are_reported_in_the_album_of_that_folder(page: Page, tmp_path: Path) -> None:
    for folder in ("Monday", "Tuesday"):
        (tmp_path / "DCIM" / folder).mkdir(parents=True)
        (tmp_path / "DCIM" / folder / "IMG_1.JPG").write_bytes(making.jpeg((90, 60)))
    (tmp_path / "DCIM" / "Tuesday" / "notes.txt").write_bytes(b"no photo")
    new_album(page)

    page.locator("#uploader-folder").set_input_files(tmp_path / "DCIM")
    page.get_by_label("A new album per folder").check()
    page.get_by_role("button", name="Upload 2 photos").click()
    expect_title(page, "Upload complete: 2 uploaded")

    page.get_by_role("link", name="Tuesday").click()
    expect(page.locator(".report")).to_contain_text("1 skipped")
    page.go_back()
    page.get_by_role("link", name="Albums").first.click()
    page.get_by_role("link", name="Monday").click()
    expect(page.locator(".report")).to_contain_text("1 photo added")
    expect(page.locator(".report")).not_to_contain_text("skipped")


def test_skipped_files_outside_album_folders_are_reported_in_every_album(page: Page, tmp_path: Path) -> None:
    for folder in ("100MSDCF", "101MSDCF"):
        (tmp_path / "CARD" / "DCIM" / folder).mkdir(parents=True)
        (tmp_path / "CARD" / "DCIM" / folder / "IMG_1.JPG").write_bytes(making.jpeg((90, 60)))
    (tmp_path / "CARD" / "PRIVATE" / "CLIP").mkdir(parents=True)
    (tmp_path / "CARD" / "PRIVATE" / "CLIP" / "C0001.MP4").write_bytes(b"a film")
    new_album(page)

    page.locator("#uploader-folder").set_input_files(tmp_path / "CARD")
    page.get_by_label("A new album per folder").check()
    page.get_by_role("button", name="Upload 2 photos").click()
    expect_title(page, "Upload complete: 2 uploaded")

    for folder in ("100MSDCF", "101MSDCF"):
        page.goto("/albums/")
        page.get_by_role("link", name=folder).first.click()
        expect(page.locator(".report")).to_contain_text("1 photo added")
        expect(page.locator(".report")).to_contain_text("1 skipped")
        page.get_by_role("link", name="Receipt", exact=True).click()
        expect(page.get_by_text("C0001.MP4")).to_be_visible()


RECORD_FILE_PICKER = """
const real = window.showOpenFilePicker.bind(window);
window.asked = new Promise((done) => {
  window.showOpenFilePicker = (options) => {
    const answer = real(options);
    answer.then(() => done([options, ""]), (error) => done([options, error.name]));
    return answer;
  };
});
"""


def test_the_browsers_file_dialog_offers_every_accepted_extension(page: Page) -> None:
    """The dialog is aborted here. With invalid options, the error would be another one than AbortError."""
    new_album(page)
    page.evaluate(f"() => {{ {RECORD_FILE_PICKER} }}")

    page.get_by_role("link", name="Add photos").click()
    options, error = page.evaluate("window.asked")

    (file_type,) = options["types"]
    offered_extensions = [extension for group in file_type["accept"].values() for extension in group]
    assert sorted(offered_extensions) == sorted(f".{extension}" for extension in extensions.EXTENSIONS)
    assert error == "AbortError"
