"""Codes of an authenticator app and recovery codes: required, valid once, rate-limited, and stored encrypted."""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
from django.core import mail as outbox
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, TestCase

from config.accounts import mail, second_factor
from tests.accounts.conftest import code_of, confirm, secret_shown, sign_in

pytestmark = pytest.mark.django_db

CODE = "/accounts/two-factor/code/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WRONG = "000000"


@pytest.fixture(autouse=True)
def fresh_counts():
    cache.clear()


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """The clock of the codes. It is stopped; tests advance it."""
    clock = SimpleNamespace(now=time.time())
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def protected(owner, clock) -> User:
    """A user with an authenticator app and recovery codes."""
    TOTP.activate(owner, SECRET)
    RecoveryCodes.activate(owner)
    assert code_of(SECRET, clock.now) != WRONG
    return owner


def code_now(clock) -> str:
    return code_of(SECRET, clock.now)


def client_at_code_page() -> Client:
    """A client that has entered the right password and is asked for the code."""
    client = Client()
    assert sign_in(client).url == CODE
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/albums/").status_code == 200


def recovery_codes(user: User) -> list[str]:
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()


def test_an_app_is_set_up_with_its_first_code_and_recovery_codes(client, owner, clock):
    assert client.get("/accounts/two-factor/app/").url.startswith("/accounts/reauthenticate/")
    confirm(client)
    page = client.get("/accounts/two-factor/app/")
    secret = secret_shown(page)

    rejected = client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now + 3600)})
    accepted = client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now)})

    assert b"data:image/svg+xml;base64," in page.content
    assert rejected.status_code == 200
    assert accepted.url == "/accounts/two-factor/recovery-codes/"
    codes_page = client.get(accepted.url).content.decode()
    assert all(code in codes_page for code in recovery_codes(owner))
    assert len(recovery_codes(owner)) == 10
    assert client.get("/accounts/two-factor/recovery-codes/file/").content.decode().split()[-10:] == recovery_codes(
        owner
    )


def test_the_code_that_sets_up_an_app_cannot_be_used_to_sign_in(client, clock):
    confirm(client)
    secret = secret_shown(client.get("/accounts/two-factor/app/"))
    client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now)})
    waiting_client = client_at_code_page()

    waiting_client.post(CODE, {"code": code_of(secret, clock.now)})

    assert not is_signed_in(waiting_client)


def test_the_user_is_notified_by_mail(client, owner, clock, settings, monkeypatch):
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.example.org", "https://photos.example.org"
    monkeypatch.setattr(mail, "submit", lambda act: act())
    EmailAddress.objects.create(user=owner, email="owner@example.org", verified=True, primary=True)
    confirm(client)
    secret = secret_shown(client.get("/accounts/two-factor/app/"))

    with TestCase.captureOnCommitCallbacks(execute=True):
        client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now)})

    [message] = outbox.outbox
    assert "Authenticator app activated" in str(message.body)
    assert message.to == ["owner@example.org"]


def test_signing_in_by_password_asks_for_the_code(protected, clock):
    client = client_at_code_page()
    assert not is_signed_in(client)

    response = client.post(CODE, {"code": code_now(clock)})

    assert (response.status_code, response.url) == (302, "/albums/")
    assert is_signed_in(client)


def test_the_admin_requires_the_code_too(admin, clock):
    TOTP.activate(admin, SECRET)
    client = Client()
    page = client.get("/admin/login/?next=/admin/")
    assert page.url == "/accounts/login/?next=%2Fadmin%2F"

    assert sign_in(client, "admin", next="/admin/").url.startswith(CODE)
    assert client.get("/admin/").status_code == 302
    assert client.post(CODE, {"code": code_now(clock)}).url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_the_sign_in_form_of_the_admin_does_not_bypass_the_code(admin, clock):
    TOTP.activate(admin, SECRET)
    client = Client()

    client.post("/admin/login/", {"username": "admin", "password": "a fine password", "next": "/admin/"})

    assert client.get("/admin/").status_code == 302


def test_a_code_is_valid_once(protected, clock):
    code = code_now(clock)
    assert client_at_code_page().post(CODE, {"code": code}).status_code == 302
    second_client = client_at_code_page()

    response = second_client.post(CODE, {"code": code})

    assert response.status_code == 200
    assert "Wrong or already used code" in response.content.decode()
    assert not is_signed_in(second_client)


@pytest.mark.parametrize(("steps", "is_valid"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_early_or_late(protected, clock, steps, is_valid):
    client = client_at_code_page()

    client.post(CODE, {"code": code_of(SECRET, clock.now + 30 * steps)})

    assert is_signed_in(client) is is_valid


def test_wrong_codes_are_limited_across_browsers(protected, clock):
    for _ in range(5):
        assert client_at_code_page().post(CODE, {"code": WRONG}).status_code == 200
    client = client_at_code_page()

    response = client.post(CODE, {"code": code_now(clock)})

    assert "Too many wrong codes" in response.content.decode()
    assert not is_signed_in(client)


def test_a_right_code_resets_the_count_of_wrong_codes(protected, clock):
    for _ in range(4):
        client_at_code_page().post(CODE, {"code": WRONG})
    client_at_code_page().post(CODE, {"code": code_now(clock)})
    for _ in range(4):
        client_at_code_page().post(CODE, {"code": WRONG})
    client = client_at_code_page()

    client.post(CODE, {"code": code_of(SECRET, clock.now + 30)})

    assert is_signed_in(client)


def test_recovery_codes_count_towards_the_limit(protected, clock):
    for _ in range(5):
        client_at_code_page().post(CODE, {"code": WRONG})
    client = client_at_code_page()

    client.post(CODE, {"code": recovery_codes(protected)[0]})

    assert not is_signed_in(client)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_are_counted_before_they_are_checked(protected, clock):
    clients = [client_at_code_page() for _ in range(12)]

    def guess(client: Client) -> str:
        try:
            return client.post(CODE, {"code": WRONG}).content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        pages = list(pool.map(guess, clients))

    assert sum("Wrong or already used code" in page for page in pages) <= 5
    assert sum("Too many wrong codes" in page for page in pages) >= 7


def test_a_recovery_code_is_valid_once(protected):
    code = recovery_codes(protected)[0]
    first, second = client_at_code_page(), client_at_code_page()

    first.post(CODE, {"code": code})
    second.post(CODE, {"code": code})

    assert (is_signed_in(first), is_signed_in(second)) == (True, False)
    assert code not in recovery_codes(protected)


def test_new_recovery_codes_replace_the_old_ones(protected, client):
    old_codes = recovery_codes(protected)
    client = client_at_code_page()
    client.post(CODE, {"code": old_codes[0]})
    confirm(client)

    client.post("/accounts/two-factor/recovery-codes/new/")

    assert not set(old_codes) & set(recovery_codes(protected))
    assert client_at_code_page().post(CODE, {"code": old_codes[1]}).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/two-factor/app/remove/",
        "/accounts/two-factor/recovery-codes/",
        "/accounts/two-factor/recovery-codes/new/",
        "/accounts/two-factor/recovery-codes/file/",
        "/accounts/passkeys/add/",
    ],
)
def test_an_open_session_must_confirm_the_password_before_sensitive_pages(protected, clock, address):
    client = client_at_code_page()
    client.post(CODE, {"code": code_now(clock)})

    assert client.get(address).url.startswith("/accounts/reauthenticate/")
    assert client.post(address).status_code in (302, 405)
    assert Authenticator.objects.filter(user=protected).count() == 2


def test_the_app_is_turned_off_with_its_recovery_codes(protected, clock):
    client = client_at_code_page()
    client.post(CODE, {"code": code_now(clock)})
    confirm(client)

    client.post("/accounts/two-factor/app/remove/")

    assert not Authenticator.objects.exists()
    assert sign_in(Client()).url == "/albums/"


def test_the_code_page_requires_the_password_first(protected):
    assert Client().get(CODE).url == "/accounts/login/"
    assert Client().post(CODE, {"code": WRONG}).url == "/accounts/login/"


def test_cancelling_at_the_code_page_requires_the_password_again(protected, clock):
    client = client_at_code_page()

    client.post("/accounts/logout/", {"next": "/accounts/login/"})

    assert client.get(CODE).url == "/accounts/login/"
    assert client.post(CODE, {"code": code_now(clock)}).url == "/accounts/login/"


def test_secrets_are_encrypted_in_the_database(protected):
    rows = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert SECRET not in rows
    assert not any(code in rows for code in recovery_codes(protected))


def test_with_another_secret_key_no_code_is_valid_and_the_log_says_why(protected, clock, settings, caplog):
    settings.SECRET_KEY = "another key, with which nothing here was ever sealed"
    client = client_at_code_page()

    response = client.post(CODE, {"code": code_now(clock)})

    assert (response.status_code, is_signed_in(client)) == (200, False)
    assert "SECRET_KEY has changed" in caplog.text


def test_the_command_removes_the_second_factor(protected, capsys):
    call_command("remove_second_factor", "owner")

    assert sign_in(Client()).url == "/albums/"
    assert "owner signs in with the password alone" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No user is called nobody"):
        call_command("remove_second_factor", "nobody")


def test_changing_the_password_ends_a_session_that_waits_for_the_code(protected, clock):
    client = client_at_code_page()
    protected.set_password("another fine password")
    protected.save()

    response = client.post(CODE, {"code": code_now(clock)})

    assert "Your password has changed" in response.content.decode()
    assert not is_signed_in(client)


def test_the_overview_shows_the_active_methods(protected, client, clock):
    client = client_at_code_page()
    client.post(CODE, {"code": code_now(clock)})

    page = client.get("/accounts/two-factor/").content.decode()

    assert "Signing in requires a code from your app" in page
    assert "Passkeys don\u2019t work at this address" in page  # the address is http and not localhost


def test_attempts_are_counted_for_any_request(protected, rf):
    for _ in range(5):
        second_factor.count_attempt(rf.get("/"), protected)
    with pytest.raises(second_factor.ValidationError):
        second_factor.count_attempt(rf.get("/"), protected)
