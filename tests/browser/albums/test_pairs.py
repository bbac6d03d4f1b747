"""Related files and similar photos on the pages of albums and photos."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album
from tests.browser.desk import send
from tests.browser.looking import Scheme, ensure_accessible
from tests.browser.uploading.test_batches import UNFINISHED_ROWS
from tests.installation import Installation
from tests.pipeline import raws
from tests.pipeline.render.test_perceptual_hash import saved, scene
from tests.processing.jobs.test_grouping import MOV, TAKEN, jpeg, sidecar

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PROCESS_ONE = "from processing.rendering import worker; worker.develop_next()"
UNFINISHED_JOBS = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"


def fill(page: Page, folder: Path) -> str:
    """Upload a RAW with JPEG, sidecar and Live video, and a picture in two sizes; return the new album's URL."""
    raw = raws.dng(folder / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    files = {"IMG_1.DNG": raw, "IMG_1.JPG": jpeg(TAKEN), "IMG_1.xmp": sidecar(), "IMG_1.MOV": MOV}
    for name, size in (("hill.jpg", (900, 600)), ("hill-small.jpg", (450, 300))):
        saved(scene(1, size), "JPEG", quality=80).save(folder / name)
        files[name] = (folder / name).read_bytes()
    address = new_album(page)
    uploads = [{"name": name, "mimeType": "application/octet-stream", "buffer": files[name]} for name in files]
    send(page, uploads)
    expect(page.locator(".report")).to_contain_text("3 photos added")
    return address


@pytest.mark.usefixtures("worker")
def test_a_pair_is_one_tile_with_all_related_files_to_download(page: Page, tmp_path: Path) -> None:
    fill(page, tmp_path)

    expect(page.locator(".report")).to_contain_text("3 related files")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(3)
    expect(page.locator(".tile__mark")).to_have_text(["RAW", "Live"])
    page.get_by_role("link", name="Evening").click()
    page.locator("#viewer-info-toggle").click()
    related_files = page.get_by_role("region", name="Related files")
    expect(related_files.get_by_role("listitem")).to_have_count(3)
    for name in ("IMG_1.DNG", "IMG_1.MOV", "IMG_1.xmp"):
        with page.expect_download() as download:
            related_files.get_by_role("link", name=name, exact=True).click()
        assert download.value.suggested_filename == name


@pytest.mark.usefixtures("no_worker")
@pytest.mark.parametrize(
    "names", [("IMG_1.JPG", "IMG_1.DNG"), ("IMG_1.DNG", "IMG_1.JPG")], ids=["raw last", "raw first"]
)
def test_a_tile_is_marked_when_the_other_file_of_its_pair_arrives(
    page: Page, installation: Installation, tmp_path: Path, names: tuple[str, str]
) -> None:
    raw = raws.dng(tmp_path / "photo.dng", (600, 400), (200, 60, 30), tags={36867: TAKEN}).read_bytes()
    assert installation.ask(UNFINISHED_JOBS) == [(0,)], "the photo to be developed next would be another"
    new_album(page)
    files = {"IMG_1.JPG": jpeg(TAKEN), "IMG_1.DNG": raw}
    send(page, [{"name": name, "mimeType": "image/x-any", "buffer": files[name]} for name in names])
    expect(page.locator(UNFINISHED_ROWS)).to_have_count(0)
    expect(page.locator(".progress__count")).to_contain_text("0 of 2")

    installation.manage("shell", "-c", PROCESS_ONE)
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(1)
    expect(page.locator(".tile__mark")).to_have_count(0)
    page.locator(".tile a").focus()
    installation.manage("shell", "-c", PROCESS_ONE)

    expect(page.locator(".tile__mark")).to_have_text("RAW")
    expect(page.locator(".tile:not(.tile--pending)")).to_have_count(1)
    expect(page.locator(".tile a")).to_be_focused()


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_with_related_files_are_accessible_and_fit_the_screen(
    page: Page, open_page: OpenPage, tmp_path: Path, size: ViewportSize, scheme: Scheme
) -> None:
    address = fill(page, tmp_path)
    unrecorded_page = open_page(viewport=size, color_scheme=scheme, records_console=False)
    unrecorded_page.goto(address)
    unrecorded_page.evaluate("localStorage.setItem('viewer-details', 'open')")
    for links in ([], ["Evening"], ["hill.jpg", "hill-small.jpg"]):
        unrecorded_page.goto(address)
        for name in links:
            unrecorded_page.get_by_role("link", name=name).first.click()
            expect(unrecorded_page.get_by_role("heading", level=1)).to_have_text(name)
            expect(unrecorded_page.locator(".drawer")).to_be_visible()  # it stays open
        ensure_accessible(unrecorded_page, "/".join(links))


@pytest.mark.usefixtures("worker")
def test_similar_photos_are_shown_without_javascript(page: Page, open_page: OpenPage, tmp_path: Path) -> None:
    address = fill(page, tmp_path)
    no_script_page = open_page(viewport=PHONE, java_script_enabled=False)
    no_script_page.goto(address)

    no_script_page.get_by_role("link", name="hill.jpg").click()
    no_script_page.locator("#viewer-info-toggle").click()
    expect(no_script_page.get_by_role("region", name="Similar photos").get_by_role("link")).to_have_text(
        ["hill-small.jpg"]
    )
