"""Signing in with a browser: by password, authenticator app, passkey, and OpenID Connect provider."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests
from playwright.sync_api import Page, expect

from tests import polling
from tests.accounts.conftest import code_of
from tests.browser.accounts import Account
from tests.browser.conftest import PHONE, OpenPage
from tests.browser.looking import ensure_accessible
from tests.installation import PASSWORD, Installation
from tests.support import ports, processes

pytestmark = [pytest.mark.browser, pytest.mark.servers]

ANNA = {
    "sub": "7",
    "preferred_username": "anna",
    "email": "anna@example.org",
    "email_verified": True,
    "groups": ["admins"],
}
BERTA = {"sub": "8", "preferred_username": "berta"}
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
CONTEXT_OPTIONS = ({"viewport": PHONE, "color_scheme": "dark"}, {"color_scheme": "light"})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that knows Anna and Berta."""
    port = ports.reserve("127.0.0.1")
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(port)]
    people = [option for claims in (ANNA, BERTA) for option in ("--user-claims", json.dumps(claims))]
    process = processes.start([*command, "--require-nonce", "true", *people])
    polling.until(lambda: is_responding(url), 120, "the provider does not respond")
    yield url
    processes.stop(process)


def is_responding(url: str) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{url}/.well-known/openid-configuration", timeout=60).ok
    return False


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], issuer: str) -> dict[str, str]:
    return environment | {
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": "darkroom",
        "OIDC_CLIENT_SECRET": "secret",
        "OIDC_NAME": "Home",
        "OIDC_CREATE_USERS": "yes",
        "OIDC_ADMIN_GROUP": "admins",
    }


@pytest.fixture
def localhost(installation: Installation) -> str:
    """The server's URL with a host name, which passkeys require."""
    return f"http://localhost:{installation.port}"


def sign_in(page: Page, name: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page) -> None:
    page.locator(".masthead__user > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/")


def confirm(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm it\u2019s you")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def set_up_app(page: Page) -> str:
    """Set up an authenticator app, and return its secret."""
    page.goto("/accounts/two-factor/")
    page.get_by_role("link", name="Set up an app").click()
    confirm(page)
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.locator(".qr").evaluate("image => image.complete && image.naturalWidth > 0")
    secret = page.locator(".key").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_of(secret, time.time()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    return secret


def add_authenticator(page: Page) -> None:
    """Add a virtual authenticator to the page, which verifies the user automatically."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def add_passkey(page: Page) -> None:
    page.goto("/accounts/two-factor/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_role("textbox", name="Name").fill("Phone")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")


def test_a_user_signs_in_with_password_and_code_or_recovery_code(open_page: OpenPage, account: Account) -> None:
    page = open_page(None)
    sign_in(page, account.name)
    page.wait_for_url("**/albums/")
    secret = set_up_app(page)
    recovery_code = page.locator(".codes code").first.inner_text()
    sign_out(page)

    sign_in(page, account.name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    assert page.evaluate("document.activeElement.name") == "code"
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_contain_text("Wrong or already used code")
    page.get_by_role("textbox", name="Code").fill(
        code_of(secret, time.time() + 30)
    )  # the next code, because the current one may have been used already
    page.keyboard.press("Enter")
    page.wait_for_url("**/albums/")
    sign_out(page)

    sign_in(page, account.name)
    page.get_by_role("textbox", name="Code").fill(recovery_code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/albums/")


def test_signing_in_works_without_javascript_except_for_passkeys(
    open_page: OpenPage, account: Account, localhost
) -> None:
    page = open_page(None, at=localhost, java_script_enabled=False)
    page.goto("/accounts/login/")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in(page, account.name)
    secret = set_up_app_without_scripts(page)
    sign_out(page)

    sign_in(page, account.name)
    page.get_by_role("textbox", name="Code").fill(code_of(secret, time.time() + 30))
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.wait_for_url("**/albums/")


def set_up_app_without_scripts(page: Page) -> str:
    page.goto("/accounts/two-factor/app/")
    confirm(page)
    secret = page.locator(".key").inner_text()
    page.get_by_role("textbox", name="Code").fill(code_of(secret, time.time()))
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/recovery-codes/")
    return secret


def test_a_passkey_works_alone_and_as_second_factor(open_page: OpenPage, account: Account, localhost) -> None:
    page = open_page(None, at=localhost)
    add_authenticator(page)
    sign_in(page, account.name)
    page.wait_for_url("**/albums/")
    add_passkey(page)
    page.goto("/accounts/two-factor/")
    expect(page.locator(".row__name")).to_have_text("Phone")
    sign_out(page)

    page.goto("/accounts/login/?next=/batches/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/batches/")
    expect(page.locator(".masthead__name")).to_have_text(account.name)
    sign_out(page)

    sign_in(page, account.name)
    page.wait_for_url("**/two-factor/code/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/albums/")

    page.goto("/accounts/two-factor/")
    page.get_by_role("link", name="Rename Phone").click()
    confirm(page)
    page.get_by_role("textbox", name="Name").fill("Old phone")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("link", name="Remove Old phone").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Passkey removed.")).to_be_visible()
    sign_out(page)
    sign_in(page, account.name)
    page.wait_for_url("**/albums/")


def test_a_missing_passkey_is_reported(open_page: OpenPage, localhost) -> None:
    page = open_page(None, at=localhost)
    add_authenticator(page)
    page.goto("/accounts/login/")

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("status").filter(has_text="No passkey was used")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()


def test_a_passkey_of_another_origin_is_rejected(open_page: OpenPage, localhost) -> None:
    page = open_page(at=localhost)
    add_authenticator(page)
    add_passkey(page)
    sign_out(page)
    page.goto("/accounts/login/")
    page.evaluate(
        """() => {
          const form = document.querySelector("passkey-form form");
          form.submit = () => {
            const signed = JSON.parse(form.elements.credential.value);
            const client = JSON.parse(atob(signed.response.clientDataJSON.replaceAll("-", "+").replaceAll("_", "/")));
            client.origin = "http://evil.localhost";
            signed.response.clientDataJSON = btoa(JSON.stringify(client)).replaceAll("+", "-").replaceAll("/", "_");
            form.elements.credential.value = JSON.stringify(signed);
            HTMLFormElement.prototype.submit.call(form);
          };
        }"""
    )

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_text("This passkey was used at a different address")).to_be_visible()


def test_the_provider_signs_a_user_in_and_its_groups_make_administrators(open_page: OpenPage, issuer: str) -> None:
    page = open_page(None, records_console=False)  # the provider's own pages log a missing icon
    page.goto("/accounts/login/?next=/batches/")
    page.get_by_role("button", name="Sign in with Home").click()
    page.wait_for_url(f"{issuer}/**")
    page.get_by_role("button", name="7", exact=True).first.click()

    page.wait_for_url("**/batches/")
    expect(page.locator(".masthead__name")).to_have_text("anna")
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    sign_out(page)

    page.get_by_role("button", name="Sign in with Home").click()
    page.wait_for_url(f"{issuer}/**")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign-in cancelled")
    ensure_accessible(page, "cancelled")


def test_a_local_account_can_be_connected_used_and_disconnected(
    open_page: OpenPage, account: Account, issuer: str
) -> None:
    page = open_page(None, records_console=False)  # the provider's own pages log a missing icon
    sign_in(page, account.name)
    page.goto("/accounts/openid-connect/connection/")
    page.get_by_role("button", name="Connect Home").click()
    confirm(page)
    page.wait_for_url(f"{issuer}/**")
    page.get_by_role("button", name="8", exact=True).first.click()

    page.wait_for_url("**/accounts/openid-connect/connection/")
    expect(page.get_by_text("You can sign in with Home.")).to_be_visible()
    ensure_accessible(page, "connected")
    sign_out(page)
    page.get_by_role("button", name="Sign in with Home").click()
    page.wait_for_url(f"{issuer}/**")
    page.get_by_role("button", name="8", exact=True).first.click()
    expect(page.locator(".masthead__name")).to_have_text(account.name)

    page.goto("/accounts/openid-connect/connection/")
    page.get_by_role("button", name="Disconnect").click()
    confirm(page)  # the session started at the provider, without the password
    expect(page.get_by_role("button", name="Connect Home")).to_be_visible()


def test_account_pages_are_accessible_on_a_phone_and_in_dark_mode(
    open_page: OpenPage, users: list[Account], localhost
) -> None:
    for options in CONTEXT_OPTIONS:
        page = open_page(None, at=localhost, records_console=False, **options)  # axe adds styles to the page
        add_authenticator(page)
        page.goto("/accounts/login/")
        expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
        ensure_accessible(page, "sign in")
        sign_in(page, users.pop().name)
        page.wait_for_url("**/albums/")
        page.goto("/accounts/two-factor/")
        ensure_accessible(page, "two-factor, off")
        page.get_by_role("link", name="Set up an app").click()
        ensure_accessible(page, "confirm")
        confirm(page)
        expect(page.get_by_role("img", name="QR code")).to_be_visible()
        ensure_accessible(page, "set up an app")
        page.get_by_role("textbox", name="Code").fill(code_of(page.locator(".key").inner_text(), time.time()))
        page.get_by_role("button", name="Turn on").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
        ensure_accessible(page, "recovery codes")
        for path in (
            "passkeys/add/",
            "two-factor/recovery-codes/new/",
            "two-factor/app/remove/",
            "openid-connect/connection/",
        ):
            page.goto(f"/accounts/{path}")
            ensure_accessible(page, path)
        page.goto("/accounts/passkeys/add/")
        page.get_by_role("button", name="Add passkey").click()
        expect(page.get_by_text("Passkey added.")).to_be_visible()
        for path in ("two-factor/", "two-factor/confirm/", "passkeys/confirm/"):
            page.goto(f"/accounts/{path}")
            ensure_accessible(page, path)
        name = page.locator(".masthead__name").inner_text()
        sign_out(page)
        sign_in(page, name)
        page.wait_for_url("**/two-factor/code/")
        ensure_accessible(page, "code")


def test_a_numeric_address_shows_that_passkeys_do_not_work(page: Page) -> None:
    page.goto("/accounts/two-factor/")

    expect(page.get_by_text("Passkeys don\u2019t work at this address")).to_be_visible()
    expect(page.get_by_role("link", name="Add a passkey")).to_have_count(0)
