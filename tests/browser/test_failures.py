"""The failure desk in a real Chromium: previews, ticks, actions with and without a script, accessible at both widths."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests import polling
from tests.browser.conftest import DESKTOP, PHONE, sign_in
from tests.browser.looking import Scheme, ensure_accessible, unheard_page
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

DOCUMENTS = 3


def truncated(number: int) -> bytes:
    """Half of a JPEG, other bytes for every number."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((900, 600)).convert("RGB").save(file, "JPEG", comment=str(number))
    return file.getvalue()[: file.tell() // 2]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """With an album in which two photos came truncated, three documents were no photos, and an empty file was refused."""
    with Installation(tmp_path, {"SWEEP_SECONDS": "1"}) as installation:
        installation.start("serve")
        installation.start("run_huey")
        session = installation.sign_in()
        files = {f"IMG_{number}.JPG": truncated(number) for number in (1, 2)}
        files |= {f"notes {number}.pdf": b"%%PDF-1.7 %d" % number for number in range(DOCUMENTS)}
        installation.send(session, installation.new_album(session, "Summer"), files | {"empty.jpg": b""})
        installation.wait_until_idle()
        polling.until(lambda: installation.ask("SELECT COUNT(*) FROM processing_preview") == [(2,)], what="no previews")
        yield installation


def test_the_previews_are_seen(page: Page) -> None:
    page.goto("/failures/")

    pictures = page.locator(".failure img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 400)


def test_one_is_dismissed_after_a_question_and_the_focus_follows(page: Page) -> None:
    page.goto("/failures/")
    page.get_by_role("button", name="Dismiss IMG_1.JPG").click()

    expect(page.get_by_role("heading", name="Dismiss 1 failure?")).to_be_focused()
    expect(page.get_by_text("1 raw file will be deleted")).to_be_visible()
    page.get_by_role("button", name="Dismiss it").click()

    expect(page.get_by_text("1 failure dismissed.")).to_be_visible()
    expect(page.get_by_role("heading", name="Failures", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="IMG_1.JPG")).to_have_count(0)
    expect(page.get_by_role("heading", name="IMG_2.JPG")).to_be_visible()


def test_what_is_ticked_is_counted_and_dismissed_by_keyboard(page: Page) -> None:
    page.goto("/failures/?kind=refused")
    bar = page.get_by_role("group", name="Selected files")
    expect(bar).to_be_hidden()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    page.get_by_role("checkbox", name="Select empty.jpg").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    expect(bar).to_be_visible()
    assert sent == []  # Enter in a tick box pressed no button of the form
    bar.get_by_role("button", name="Dismiss selected").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("1 failure dismissed.")).to_be_visible()


def test_a_desk_of_one_reason_stays_there_after_an_action(page: Page) -> None:
    page.goto("/failures/")
    page.get_by_role("link", name="A document").click()
    page.wait_for_url("**/failures/?kind=failed&code=unsupported-document")

    page.get_by_role("button", name=f"Retry all {DOCUMENTS}").click()

    expect(page.get_by_text(f"{DOCUMENTS} files will be tried again.")).to_be_visible()
    assert page.url.endswith("?kind=failed&code=unsupported-document")


def test_the_raw_file_is_downloaded_under_its_name(page: Page) -> None:
    page.goto("/failures/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download IMG_1.JPG").click()

    assert download.value.suggested_filename == "IMG_1.JPG"
    assert Path(download.value.path()).read_bytes() == truncated(1)


def test_everything_works_without_javascript(chromium: Browser, installation: Installation) -> None:
    context = chromium.new_context(viewport=PHONE, base_url=installation.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/failures/")

    page.get_by_text("1 attempt").first.click()
    expect(page.get_by_text("Attempt 1").first).to_be_visible()
    page.get_by_role("checkbox", name="Select IMG_2.JPG").check()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Select empty.jpg").check()
    page.get_by_role("button", name="Dismiss selected").click()
    expect(page.get_by_role("heading", name="Dismiss 2 failures?")).to_be_visible()
    page.get_by_role("button", name="Dismiss them").click()
    expect(page.get_by_text("2 failures dismissed.")).to_be_visible()
    page.get_by_role("button", name=f"Dismiss all {DOCUMENTS} of A document").click()
    expect(page.get_by_text(f"{DOCUMENTS} raw files will be deleted")).to_be_visible()
    page.get_by_role("link", name="Keep them").click()
    expect(page.get_by_role("heading", name="IMG_1.JPG")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_sticks_out(chromium: Browser, installation, size, scheme: Scheme) -> None:
    with unheard_page(chromium, installation, size, scheme) as page:
        sign_in(page)
        page.goto("/failures/")
        for summary in page.locator("summary").all():
            summary.click()
        page.get_by_role("checkbox").first.check()
        ensure_accessible(page, "desk")
        page.get_by_role("button", name="Dismiss all 6").click()
        expect(page.get_by_role("heading", name="Dismiss 6 failures?")).to_be_visible()
        ensure_accessible(page, "question")
        page.goto("/failures/?code=timeout")
        ensure_accessible(page, "nothing for this reason")
