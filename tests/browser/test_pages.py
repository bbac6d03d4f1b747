"""Every page in every state is accessible, in light and dark mode, on a phone and a wide screen."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.accounts import Account
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, new_album, open_menu, stop_worker
from tests.browser.desk import choose_folder, pictures, send
from tests.browser.looking import ensure_accessible
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

WIDTHS = (360, 390, 768, 1400, 2560)
LONG = "A title of an album that somebody wrote without ever thinking of narrow telephones " * 2
NOTES = {"name": "notes-" + "of-a-very-long-day-" * 9 + ".jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}


@pytest.fixture(scope="module")
def addresses(chromium: Browser, installation: Installation, administrator: Account) -> dict[str, str]:
    """The URLs of an album with failed files, a waiting album, an empty one, and all other pages."""
    page = chromium.new_context(viewport=DESKTOP, base_url=installation.url).new_page()
    administrator.sign_in(page.context, installation.url)
    installation.start("run_huey")
    urls = {"done": new_album(page, LONG)}
    send(page, [*pictures(4), NOTES, NOTES | {"name": "empty.jpg", "buffer": b""}])
    expect(page.locator(".report__head")).to_be_visible()
    page.locator(".tile a").first.click()
    page.wait_for_url("**/photos/*/")
    urls["photo"] = page.url
    urls["delete photo"] = page.url + "delete/"
    page.get_by_role("link", name="Next photo").click()
    page.wait_for_url(lambda url: url != urls["photo"])
    urls["trashed photo"] = page.url
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("was moved to the trash.").first).to_be_visible()
    stop_worker(installation)
    urls["empty"] = new_album(page, "Empty")
    urls["album in the trash"] = new_album(page, LONG)
    open_menu(page)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Move to trash").click()
    page.wait_for_url("**/albums/")
    urls["waiting"] = new_album(page, "Waiting")
    send(page, pictures(3, name="WAIT_{}.JPG"))
    expect(page.locator(".progress")).to_be_visible()
    page.context.close()
    [(job,)] = installation.ask("SELECT id FROM processing_processingjob WHERE state = 'failed' LIMIT 1")
    return urls | {
        "admin jobs": "/admin/processing/processingjob/",
        "admin job": f"/admin/processing/processingjob/{job}/change/",
        "problems": "/failures/",
        "no albums found": "/albums/?q=no+such+title&sort=title",
        "albums": "/albums/",
        "new": "/albums/new/",
        "rename": urls["done"] + "edit/",
        "delete": urls["done"] + "delete/",
        "trash": urls["done"] + "trash/",
        "empty trash": urls["done"] + "trash/empty/",
        "nothing in the trash": urls["empty"] + "trash/",
        "delete permanently": urls["trashed photo"] + "delete-for-ever/",
        "deleted albums": "/trash/?kind=albums",
        "all trash": "/trash/",
        "empty all trash": "/trash/empty/?kind=albums",
        "archived albums": "/albums/?show=archived",
        "select albums": "/albums/?select=1",
        "new album inside": "/albums/new/?inside=" + urls["done"].rstrip("/").rsplit("/", 1)[-1],
        "delete album permanently": urls["album in the trash"] + "delete-permanently/",
        "batches": "/batches/",
        "no batches": "/batches/?text=nothing+is+called+so",
        "batch": "/batches/1/",
        "batch at work": "/batches/2/",
        "delete batch": "/batches/1/delete/",
        "overview": "/activity/?period=day",
        "queue": "/jobs/",
        "limits": "/limits/",
        "storage": "/storage/",
        "not found": "/albums/4711/",
    }


FOCUSED = "(({ id, ariaLabel, innerText }) => id || ariaLabel || innerText)(document.activeElement)"
PAGES = (
    *("problems", "no albums found"),
    *("albums", "new", "done", "empty", "waiting", "rename", "delete"),
    *("trash", "empty trash", "nothing in the trash", "trashed photo", "delete permanently"),
    *("album in the trash", "deleted albums", "delete album permanently"),
    *("all trash", "empty all trash", "archived albums", "select albums", "new album inside"),
    *("batches", "no batches", "batch", "batch at work", "delete batch"),
    *("photo", "delete photo", "overview", "queue", "limits", "storage", "not found"),
)


ADMIN_PAGES = ("admin jobs", "admin job")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.timeout(1200)
def test_axe_finds_no_violation_on_any_page(
    open_page: OpenPage, administrator: Account, tmp_path: Path, addresses, size, scheme
) -> None:
    page = open_page(None, viewport=size, color_scheme=scheme, records_console=False)
    page.goto("/accounts/login/")
    ensure_accessible(page, "sign in")
    administrator.sign_in(page.context, page.url)
    for name in PAGES + ADMIN_PAGES:
        page.goto(addresses[name])
        ensure_accessible(page, name)
    page.goto(addresses["empty"])
    open_menu(page)
    ensure_accessible(page, "menu")
    page.keyboard.press("Escape")
    choose_folder(page, tmp_path, pictures(3))
    expect(page.get_by_text("3 photos selected")).to_be_visible()
    ensure_accessible(page, "chosen")


FORMS = (
    *(
        "selection/edit/?ids={photo}",
        "selection/move/?ids={photo}",
        "selection/delete/?ids={photo}",
        "photos/{photo}/edit/",
    ),
    *("photos/{photo}/place/", "photos/{photo}/quality/", "albums/{album}/similar/", "albums/{album}/months/"),
    *(
        "albums/{album}/download/",
        "albums/{album}/?select=1",
        "search/",
        "search/?q=jpg",
        "search/?q=nothing+is+called+so",
    ),
    *("accounts/logout/", "admin/", "admin/auth/user/", "admin/auth/user/1/change/", "admin/auth/group/add/"),
    *("admin/auth/user/2/delete/", "admin/albums/album/{album}/change/", "admin/processing/batch/1/change/"),
)
MENUS = (
    (".sort-menu summary", "sort"),
    ("view-menu summary", "view"),
    (".album-head__tools > .menu > summary", "album"),
)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_no_violation_on_forms_and_open_menus(
    open_page: OpenPage, administrator: Account, addresses, size, scheme
) -> None:
    page = open_page(administrator, viewport=size, color_scheme=scheme, records_console=False)
    album, photo = (addresses[name].rstrip("/").rpartition("/")[2] for name in ("done", "photo"))
    for path in FORMS:
        response = page.goto("/" + path.format(album=album, photo=photo))
        assert response.ok, path
        ensure_accessible(page, path)

    page.goto("/admin/processing/processingjob/?state__exact=failed")
    page.locator(".action-select").first.check()
    page.locator("select[name=action]").select_option("dismiss")
    page.get_by_role("button", name="Go").click()
    ensure_accessible(page, "admin: dismiss jobs")

    page.goto(addresses["done"])
    for selector, name in MENUS:
        page.locator(selector).click()
        ensure_accessible(page, f"{name} menu")
        page.keyboard.press("Escape")
    page.goto(addresses["photo"])
    expect(page.locator("photo-viewer:defined")).to_be_attached()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    ensure_accessible(page, "shortcuts")
    page.keyboard.press("Escape")
    page.locator("#viewer-info-toggle").click()
    page.locator("#viewer-more-toggle").click()
    ensure_accessible(page, "details and menu of the viewer")


ACCOUNT_PAGES = ("", "password/change/", "two-factor/", "email/", "sessions/", "two-factor/app/")
RENDER_ERROR_PAGES = """
import json
from config.http import error_pages
from django.template.loader import render_to_string

contexts = {
    **{name: {} for name in ("400.html", "403_csrf.html", "500.html")},
    "403.html": {"message": error_pages.NOT_ALLOWED},
    "404.html": {"message": error_pages.OF_ALBUM},
    "429.html": {"wait": 90},
    "busy.html": {"message": error_pages.BUSY, "status": 503},
}
print(json.dumps({name: render_to_string(name, context) for name, context in contexts.items()}))
"""


@pytest.fixture(scope="module")
def error_pages(installation: Installation) -> dict[str, str]:
    """The HTML of each error page, with the installation's URLs of static files."""
    pages: dict[str, str] = json.loads(installation.manage("shell", "-c", RENDER_ERROR_PAGES).stdout.splitlines()[-1])
    return pages


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_no_violation_on_account_and_error_pages(open_page: OpenPage, error_pages, size, scheme) -> None:
    page = open_page(viewport=size, color_scheme=scheme)
    page.goto("/albums/")
    expect(page.get_by_role("heading", name="Create your first album")).to_be_visible()
    ensure_accessible(page, "first run")
    for path in ACCOUNT_PAGES:
        page.goto(f"/accounts/{path}")
        ensure_accessible(page, f"account {path}")
    for name, html in error_pages.items():
        page.set_content(html)
        expect(page.locator(".prompt__icon")).to_have_css("border-radius", "50%")  # the style sheet is loaded
        expect(page.get_by_role("link", name="Go to albums")).to_be_visible()
        ensure_accessible(page, name)


def test_no_page_is_wider_than_its_screen(open_page: OpenPage, administrator: Account, addresses) -> None:
    page = open_page(administrator, records_console=False)
    for name in PAGES:
        page.goto(addresses[name])
        for width in WIDTHS:
            page.set_viewport_size(ViewportSize(width=width, height=900))
            page_width = page.evaluate("document.documentElement.scrollWidth")
            assert page_width <= width, f"{name} is {page_width} px wide on a screen of {width}"


def test_a_menu_closes_on_escape_and_on_a_click_outside(page: Page) -> None:
    new_album(page)
    summary, item = (
        page.locator(".album-head summary", has_text="More actions"),
        page.get_by_role("link", name="Edit album"),
    )

    summary.focus()
    page.keyboard.press("Enter")
    expect(item).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(item).to_be_hidden()
    expect(summary).to_be_focused()
    open_menu(page)
    page.get_by_role("heading", level=1).click()
    expect(item).to_be_hidden()


def test_a_form_submitted_by_keyboard_leads_to_the_content_of_the_next_page(page: Page) -> None:
    """Not to its top: the next Tab would go through the navigation."""
    page.goto("/albums/new/")
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/albums/*/")
    expect(page.get_by_role("main")).to_be_focused()

    page.reload()

    expect(page.get_by_role("main")).not_to_be_focused()
    new_album(page, "By mouse")
    expect(page.get_by_role("main")).not_to_be_focused()


def test_a_phone_shows_the_navigation_at_the_bottom_and_the_title_in_one_row(open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE)
    new_album(page, LONG)

    navigation, head = page.locator(".masthead").bounding_box(), page.locator(".album-head").bounding_box()
    assert round(navigation["y"] + navigation["height"]) == PHONE["height"]
    assert (head["y"], round(head["height"])) == (0, 56)


LINKS_IN_LISTS = ".file__name a, .file__reason a, .row__reason a, .failure__meta a, .page-head__title a"


def test_links_in_lists_are_large_enough_to_touch(open_page: OpenPage, administrator: Account, addresses) -> None:
    page = open_page(administrator, viewport=PHONE)
    heights: dict[str, list[float]] = {}
    for name, address in {**addresses, "failures": "/failures/"}.items():
        if name in ("batch", "failures", "trash", "queue"):
            page.goto(address)
            all_heights = "links => links.map((link) => link.getBoundingClientRect().height)"
            heights[name] = page.locator(LINKS_IN_LISTS).evaluate_all(all_heights)

    assert heights["batch"]
    assert heights["failures"]
    assert [(name, height) for name, page_heights in heights.items() for height in page_heights if height < 43] == []


def test_the_first_user_can_be_created_once_through_the_link(open_page: OpenPage, tmp_path: Path) -> None:
    with Installation(tmp_path) as new_installation:
        new_installation.manage(
            "shell", "-c", "from django.contrib.auth.models import User; User.objects.all().delete()"
        )
        new_installation.start("serve")
        link = new_installation.log.read_text().split("works once): ")[1].split()[0]
        page = open_page(None, at=new_installation.url, viewport=PHONE, color_scheme="dark", records_console=False)
        page.goto("/")
        expect(page.get_by_role("heading")).to_have_text("No account yet")
        ensure_accessible(page, "no account")
        page.goto(link)
        ensure_accessible(page, "first user")
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password", exact=True).fill("a fine password of hers")
        page.get_by_label("Confirm password").fill("a fine password of hers")
        page.get_by_role("main").get_by_role("button").click()
        page.wait_for_url("**/albums/new/")

        page.context.clear_cookies()
        assert page.goto(link).status == 404
        ensure_accessible(page, "used link")
        page.close()


def test_pages_load_their_scripts_and_styles_under_the_content_security_policy(page: Page) -> None:
    statuses: dict[str, int] = {}
    page.on("response", lambda response: statuses.__setitem__(response.url, response.status))

    address = new_album(page)
    page.goto(address)
    page.wait_for_load_state("networkidle")

    assert set(statuses.values()) <= {200, 302, 304}
    policy = page.goto(address).headers["content-security-policy"]
    assert "unsafe" not in policy


def test_every_control_of_the_form_is_reachable_with_the_keyboard(page: Page, tmp_path: Path) -> None:
    new_album(page)
    choose_folder(page, tmp_path, pictures(2))
    expect(page.get_by_role("button", name="Upload 2 photos")).to_be_visible()
    open_menu(page)  # which contains "Add folder"
    reached = []
    for _ in range(50):  # through the menu, the list of files and the navigation, around the page
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.innerText"
            )
        )

    assert {"Add photos", "Add folder", "Remove IMG_0001.JPG", "Remove IMG_0002.JPG", "Upload 2 photos"} <= set(reached)
