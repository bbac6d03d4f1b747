"""The page of problems in a real Chromium: previews, selection, actions with and without JavaScript, accessibility."""

import io
from pathlib import Path

import pytest
import requests
from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import DESKTOP, PHONE, OpenPage
from tests.browser.looking import Scheme, ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

DOCUMENTS = 3


def truncated(number: int) -> bytes:
    """Return half of a JPEG, with different bytes for every number."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((900, 600)).convert("RGB").save(file, "JPEG", comment=str(number))
    return file.getvalue()[: file.tell() // 2]


def fill(installation: Installation, account: Account) -> None:
    """Create an album with two truncated photos, three documents and a rejected empty file."""
    session = requests.Session()
    session.headers["Connection"] = "close"  # as Installation.sign_in does
    session.cookies["sessionid"] = account.session
    files = {f"IMG_{number}.JPG": truncated(number) for number in (1, 2)}
    files |= {f"notes {number}.pdf": b"%%PDF-1.7 %d" % number for number in range(DOCUMENTS)}
    album = installation.new_album(session, "Summer")
    installation.send(session, album, files | {"empty.jpg": b""})
    jobs = f"processing_processingjob WHERE album_id = {album}"
    failed = f"SELECT count(*) FROM {jobs} AND state = 'failed'"
    polling.until(lambda: installation.ask(failed) == [(2 + DOCUMENTS,)], 120, "not all have failed")
    previews = f"SELECT count(*) FROM processing_preview WHERE job_id IN (SELECT id FROM {jobs})"
    polling.until(lambda: installation.ask(previews) == [(2,)], 120, "no previews")


@pytest.fixture(scope="module")
def unchanged_account(installation: Installation, users: list[Account]) -> Account:
    """A user with failed files that the tests do not change."""
    account = users.pop()
    if "run_huey" not in installation.processes:
        installation.start("run_huey")
    fill(installation, account)
    return account


@pytest.fixture
def page(open_page: OpenPage, installation: Installation, account: Account, worker: None) -> Page:
    """A page of a user with failed files that the test may change."""
    fill(installation, account)
    return open_page()


def test_previews_of_truncated_photos_are_shown(open_page: OpenPage, unchanged_account: Account) -> None:
    page = open_page(unchanged_account)
    page.goto("/failures/")

    pictures = page.locator(".failure img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 400)


@pytest.mark.smoke
def test_a_problem_is_dismissed_after_confirmation_and_the_focus_moves(page: Page) -> None:
    page.goto("/failures/")
    page.get_by_role("button", name="Dismiss IMG_1.JPG").click()

    expect(page.get_by_role("heading", name="Dismiss 1 problem?")).to_be_focused()
    expect(page.get_by_text("1 failed file will be deleted")).to_be_visible()
    page.get_by_role("button", name="Dismiss and delete").click()

    expect(page.get_by_text("1 problem dismissed.")).to_be_visible()
    expect(page.get_by_role("heading", name="Problems", exact=True)).to_be_focused()
    expect(page.get_by_role("heading", name="IMG_1.JPG")).to_have_count(0)
    expect(page.get_by_role("heading", name="IMG_2.JPG")).to_be_visible()


def test_selected_files_can_be_dismissed_with_the_keyboard(page: Page) -> None:
    page.goto("/failures/?kind=refused")
    toolbar = page.get_by_role("group", name="Selected files")
    expect(toolbar).to_be_hidden()
    request_urls: list[str] = []
    page.on("request", lambda request: request_urls.append(request.url))

    page.get_by_role("checkbox", name="Select empty.jpg").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    expect(toolbar).to_be_visible()
    assert request_urls == []  # Enter in a checkbox submitted no form
    toolbar.get_by_role("button", name="Dismiss selected").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("1 problem dismissed.")).to_be_visible()


def test_the_filter_by_reason_is_kept_after_an_action(page: Page) -> None:
    page.goto("/failures/")
    page.get_by_role("link", name="Document").click()
    page.wait_for_url("**/failures/?kind=failed&code=unsupported-document")

    page.get_by_role("button", name=f"Retry all {DOCUMENTS}").click()

    expect(page.get_by_text(f"{DOCUMENTS} files will be retried.")).to_be_visible()
    assert page.url.endswith("?kind=failed&code=unsupported-document")


def test_the_raw_file_is_downloaded_with_its_name(open_page: OpenPage, unchanged_account: Account) -> None:
    page = open_page(unchanged_account)
    page.goto("/failures/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download IMG_1.JPG").click()

    assert download.value.suggested_filename == "IMG_1.JPG"
    assert Path(download.value.path()).read_bytes() == truncated(1)


def test_problems_can_be_dismissed_without_javascript(
    open_page: OpenPage, installation: Installation, account: Account
) -> None:
    fill(installation, account)
    page = open_page(viewport=PHONE, java_script_enabled=False)
    page.goto("/failures/")

    page.get_by_text("1 attempt").first.click()
    expect(page.get_by_text("Attempt 1").first).to_be_visible()
    page.get_by_role("checkbox", name="Select IMG_2.JPG").check()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Select empty.jpg").check()
    page.get_by_role("button", name="Dismiss selected").click()
    expect(page.get_by_role("heading", name="Dismiss 2 problems?")).to_be_visible()
    page.get_by_role("button", name="Dismiss and delete").click()
    expect(page.get_by_text("2 problems dismissed.")).to_be_visible()
    page.get_by_role("button", name=f"Dismiss all {DOCUMENTS} in Document").click()
    expect(page.get_by_text(f"{DOCUMENTS} failed files will be deleted")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("heading", name="IMG_1.JPG")).to_be_visible()


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        pytest.param("light", DESKTOP, marks=pytest.mark.smoke, id="desktop-light"),
        pytest.param("light", PHONE, id="phone-light"),
        pytest.param("dark", DESKTOP, id="desktop-dark"),
        pytest.param("dark", PHONE, id="phone-dark"),
    ],
)
def test_the_page_of_problems_is_accessible_and_fits_the_screen(
    open_page: OpenPage, unchanged_account: Account, size: ViewportSize, scheme: Scheme
) -> None:
    page = open_page(unchanged_account, viewport=size, color_scheme=scheme, records_console=False)
    page.goto("/failures/")
    for summary in page.locator("summary").all():
        summary.click()
    page.get_by_role("checkbox").first.check()
    ensure_accessible(page, "desk")
    page.get_by_role("button", name="Dismiss all 6").click()
    expect(page.get_by_role("heading", name="Dismiss 6 problems?")).to_be_visible()
    ensure_accessible(page, "question")
    page.goto("/failures/?code=timeout")
    ensure_accessible(page, "nothing for this reason")
