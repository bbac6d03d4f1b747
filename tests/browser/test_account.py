"""Signing in, and the pages of the user's account: with the keyboard, without JavaScript, on a phone, in dark mode."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.accounts import Account
from tests.browser.conftest import DESKTOP, PHONE, OpenPage, sign_in
from tests.browser.looking import ensure_accessible
from tests.installation import PASSWORD, Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PUBLIC_PAGES = (
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/inactive/",
)
ACCOUNT_PAGES = ("", "password/change/", "password/set/", "email/", "sessions/", "logout/", "reauthenticate/")
NEW_PASSWORD = "quite another password"
WIDTHS = (320, 390, 1400)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Settings with an unreachable mail server, so that all pages exist."""
    return {"EMAIL_URL": "smtp+plain://127.0.0.1:1", "PUBLIC_URL": "http://photos.example.org"}


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
@pytest.mark.timeout(600)
def test_axe_finds_no_violation_on_account_pages(open_page: OpenPage, account: Account, scheme, size) -> None:
    page = open_page(None, viewport=size, color_scheme=scheme, records_console=False)
    for address in (*PUBLIC_PAGES, "/accounts/password/reset/key/1-abc-def/", "/accounts/confirm-email/none/"):
        page.goto(address)
        ensure_accessible(page, address)
        ensure_no_wider_than_its_screen(page, address)
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("a poor guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    ensure_accessible(page, "a wrong password")
    account.sign_in(page.context, page.url)
    for name in ACCOUNT_PAGES:
        page.goto(f"/accounts/{name}")
        ensure_accessible(page, name)
        ensure_no_wider_than_its_screen(page, name)
    page.goto("/accounts/password/change/")
    page.get_by_label("Current password").fill("a poor guess")
    page.get_by_label("New password", exact=True).fill("12345678")
    page.get_by_label("Confirm new password").fill("1234")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("too common")).to_be_visible()
    ensure_accessible(page, "refused passwords")


def ensure_no_wider_than_its_screen(page: Page, name: str) -> None:
    size = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size(ViewportSize(width=width, height=900))
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} on {width} px"
    page.set_viewport_size(size)


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_password_is_changed_and_other_browsers_are_signed_out(
    open_page: OpenPage, account: Account, has_scripts
) -> None:
    other_page = open_page()
    other_page.goto("/albums/")
    page = open_page(None, java_script_enabled=has_scripts)
    sign_in(page, account.name)
    page.get_by_title(f"Account of {account.name}").click()
    page.get_by_role("link", name="Account", exact=True).click()
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Sessions").click()
    expect(page.get_by_text("this browser")).to_have_count(1)
    page.get_by_role("link", name="Password").click()

    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Confirm new password").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_text("Password changed.")).to_be_visible()
    page.goto("/albums/")
    expect(page.get_by_role("heading", name="Albums", exact=True)).to_be_visible()
    other_page.goto("/albums/")
    expect(other_page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_user_with_too_many_failed_attempts_sees_how_long_to_wait(
    open_page: OpenPage, account: Account, installation: Installation
) -> None:
    page = open_page(None, records_console=False)
    page.goto("/accounts/login/?next=/batches/")
    for _ in range(11):
        page.get_by_label("Username").fill(f" {account.name.upper()}")
        page.get_by_label("Password").fill("a poor guess")
        page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts. Try again in")
    ensure_accessible(page, "too many guesses")
    assert installation.answers()
