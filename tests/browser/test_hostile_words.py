"""Photos with script or markup in all metadata and file names: a real browser opens all pages, and no script runs."""

import io
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base
from playwright.sync_api import Page, expect

from tests.browser.accounts import Account
from tests.browser.conftest import OpenPage, new_album
from tests.browser.desk import choose_folder
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

ATTACKS = (
    "<script>top.ran=1</script>",
    '"><img src=x onerror=top.ran=1>',
    "'><svg onload=top.ran=1>",
    "</title></textarea></script><iframe srcdoc='<script>top.ran=1</script>'></iframe>",
    'x" onmouseover=top.ran=1 autofocus onfocus=top.ran=1 y="',
    "javascript:top.ran=1//<b hx-get=/jobs/ hx-trigger=load hx-on::load=top.ran=1>",
    "{{ 7|add:7 }}{% load x %}${7*7}<!--",
)
AFTER_A_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
"""Resolves when a loaded page has set the focus and htmx has started."""
INJECTED = "[onerror], [onload], [onmouseover], [onfocus], [srcdoc], img[src='x'], main b, a[href^='javascript']"
ADMIN = (
    *("albums/album/", "albums/photo/", "albums/leftover/", "processing/processingjob/", "processing/upload/"),
    *("processing/batch/", "processing/jobevent/", "processing/workerpulse/", "albums/album/1/change/"),
    *("albums/album/1/delete/", "albums/album/1/history/", "albums/photo/1/change/", "albums/photo/1/delete/"),
    *("processing/processingjob/1/change/", "processing/processingjob/8/change/", "processing/jobevent/1/change/"),
    "",
)


def photo(attack: str) -> bytes:
    """Return a photo with the attack in every text field that the pipeline reads."""
    exif = Image.Exif()
    for tag in (Base.ImageDescription, Base.Artist, Base.Copyright, Base.Software):
        exif[tag] = attack
    for tag in (Base.Make, Base.Model):
        exif[tag] = f"{attack} II"  # a title that equals the camera's name is not shown
    for tag_in_utf16 in (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F):
        exif[tag_in_utf16] = attack.encode("utf-16-le")
    exif.get_ifd(IFD.Exif)[Base.LensModel] = attack
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"ASCII\0\0\0" + attack.encode()
    escaped = attack.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escaped}</rdf:li></rdf:Alt></dc:title>'
        f"<dc:subject><rdf:Bag><rdf:li>{escaped}</rdf:li><rdf:li>two {escaped}</rdf:li></rdf:Bag></dc:subject>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    file = io.BytesIO()
    Image.effect_noise((900, 600), 40).convert("RGB").save(file, "JPEG", exif=exif, xmp=xmp.encode(), comment=attack)
    return file.getvalue()


@pytest.fixture(scope="module", autouse=True)
def hostile(installation: Installation) -> Installation:
    """An installation whose first album has an attack as its title, photos, a failed file and a rejected one."""
    installation.start("run_huey")
    session = installation.sign_in()
    album = installation.new_album(session, ATTACKS[1] + ATTACKS[0])
    files = {f"{number} {attack}.jpg": photo(attack) for number, attack in enumerate(ATTACKS)}
    files |= {f"broken {ATTACKS[0]}.jpg": b"\xff\xd8\xff broken", f"empty {ATTACKS[2]}.jpg": b""}
    assert installation.send(session, album, files).status_code == 200
    assert installation.wait_until_idle()["photos"] == len(ATTACKS)
    return installation


@pytest.fixture
def page(open_page: OpenPage, administrator: Account) -> Page:
    """A page of the administrator, to open Django's admin too."""
    return open_page(administrator)


def assert_no_script_runs(page: Page) -> None:
    page.wait_for_load_state("load")  # images and frames are loaded or have failed
    page.evaluate(AFTER_A_FRAME)
    assert page.evaluate("top.ran") is None, page.url
    assert page.locator(INJECTED).count() == 0, page.url


def test_no_metadata_and_no_file_name_runs_as_script_on_any_page(page: Page) -> None:
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # Django's admin has no icon
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    paths = ["/albums/", "/albums/1/", "/albums/1/edit/", "/albums/1/delete/", "/jobs/"]
    paths += [f"/photos/{number}/{view}" for number in range(1, len(ATTACKS) + 1) for view in ("", "delete/")]

    for path in [*paths, *(f"/admin/{admin_path}" for admin_path in ADMIN)]:
        response = page.goto(path)
        assert response.status == 200, path
        assert_no_script_runs(page)

    page.goto("/photos/1/delete/")
    page.get_by_role("button", name="Move to trash").click()
    for path in ("/albums/1/", "/albums/1/trash/", "/photos/1/", "/photos/1/delete-for-ever/"):
        if not page.url.endswith(path):
            page.goto(path)
        expect(page.get_by_text(ATTACKS[0]).first).to_be_attached()
        assert_no_script_runs(page)
    page.goto("/photos/1/")
    page.get_by_role("button", name="Restore").click()

    for path in ("/batches/1/", "/failures/"):
        page.goto(path)
        expect(page.get_by_text(f"empty {ATTACKS[2]}.jpg").first).to_be_visible()
        assert_no_script_runs(page)
    page.goto("/photos/1/")
    expect(page.get_by_role("heading", name=ATTACKS[0])).to_be_visible()


def test_the_name_of_a_selected_file_runs_no_script(page: Page, tmp_path: Path) -> None:
    new_album(page)
    chosen = [
        {"name": f"{number} {attack}.jpg".replace("/", "\u2215"), "mimeType": "image/jpeg", "buffer": photo(attack)}
        for number, attack in enumerate(ATTACKS)
    ]

    choose_folder(page, tmp_path, chosen)

    expect(page.get_by_text(f"{len(ATTACKS)} photos selected")).to_be_visible()
    assert_no_script_runs(page)


def test_an_original_is_downloaded_and_never_displayed(page: Page, tmp_path: Path) -> None:
    page.goto("/photos/1/")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download original").click()

    download.value.save_as(tmp_path / "saved.jpg")
    assert (tmp_path / "saved.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert page.url.endswith("/photos/1/")
