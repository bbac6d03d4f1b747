"""Codes of an app and recovery codes: asked for, once each, counted, and kept sealed."""

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
    """Of the codes. Stands still until a test moves it."""
    clock = SimpleNamespace(now=time.time())
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def protected(owner, clock) -> User:
    """Has an app and recovery codes."""
    TOTP.activate(owner, SECRET)
    RecoveryCodes.activate(owner)
    assert code_of(SECRET, clock.now) != WRONG
    return owner


def code_now(clock) -> str:
    return code_of(SECRET, clock.now)


def at_the_code() -> Client:
    """Has given the right password."""
    client = Client()
    assert sign_in(client).url == CODE
    return client


def is_in(client: Client) -> bool:
    return client.get("/albums/").status_code == 200


def recovery_codes(user: User) -> list[str]:
    return Authenticator.objects.get(user=user, type="recovery_codes").wrap().get_unused_codes()


def test_an_app_is_set_up_with_its_first_code_and_recovery_codes(client, owner, clock):
    assert client.get("/accounts/two-factor/app/").url.startswith("/accounts/reauthenticate/")
    confirm(client)
    page = client.get("/accounts/two-factor/app/")
    secret = secret_shown(page)

    refused = client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now + 3600)})
    done = client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now)})

    assert b"data:image/svg+xml;base64," in page.content
    assert refused.status_code == 200
    assert done.url == "/accounts/two-factor/recovery-codes/"
    shown = client.get(done.url).content.decode()
    assert all(code in shown for code in recovery_codes(owner))
    assert len(recovery_codes(owner)) == 10
    assert client.get("/accounts/two-factor/recovery-codes/file/").content.decode().split()[-10:] == recovery_codes(
        owner
    )


def test_the_code_that_sets_up_an_app_signs_nobody_in(client, clock):
    confirm(client)
    secret = secret_shown(client.get("/accounts/two-factor/app/"))
    client.post("/accounts/two-factor/app/", {"code": code_of(secret, clock.now)})
    waiting = at_the_code()

    waiting.post(CODE, {"code": code_of(secret, clock.now)})

    assert not is_in(waiting)


def test_the_user_is_told_by_mail(client, owner, clock, settings, monkeypatch):
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
    client = at_the_code()
    assert not is_in(client)

    answer = client.post(CODE, {"code": code_now(clock)})

    assert (answer.status_code, answer.url) == (302, "/albums/")
    assert is_in(client)


def test_the_admin_is_entered_the_same_way(admin, clock):
    TOTP.activate(admin, SECRET)
    client = Client()
    page = client.get("/admin/login/?next=/admin/")
    assert page.url == "/accounts/login/?next=%2Fadmin%2F"

    assert sign_in(client, "admin", next="/admin/").url.startswith(CODE)
    assert client.get("/admin/").status_code == 302
    assert client.post(CODE, {"code": code_now(clock)}).url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_the_admins_own_form_is_no_way_around_it(admin, clock):
    TOTP.activate(admin, SECRET)
    client = Client()

    client.post("/admin/login/", {"username": "admin", "password": "a fine password", "next": "/admin/"})

    assert client.get("/admin/").status_code == 302


def test_a_code_signs_in_once(protected, clock):
    code = code_now(clock)
    assert at_the_code().post(CODE, {"code": code}).status_code == 302
    replayed = at_the_code()

    answer = replayed.post(CODE, {"code": code})

    assert answer.status_code == 200
    assert "Wrong or already used code" in answer.content.decode()
    assert not is_in(replayed)


@pytest.mark.parametrize(("steps", "is_right"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_early_or_late(protected, clock, steps, is_right):
    client = at_the_code()

    client.post(CODE, {"code": code_of(SECRET, clock.now + 30 * steps)})

    assert is_in(client) is is_right


def test_codes_cannot_be_guessed_however_many_browsers_try(protected, clock):
    for _ in range(5):
        assert at_the_code().post(CODE, {"code": WRONG}).status_code == 200
    client = at_the_code()

    answer = client.post(CODE, {"code": code_now(clock)})

    assert "Too many wrong codes" in answer.content.decode()
    assert not is_in(client)


def test_a_right_code_starts_the_count_afresh(protected, clock):
    for _ in range(4):
        at_the_code().post(CODE, {"code": WRONG})
    at_the_code().post(CODE, {"code": code_now(clock)})
    for _ in range(4):
        at_the_code().post(CODE, {"code": WRONG})
    client = at_the_code()

    client.post(CODE, {"code": code_of(SECRET, clock.now + 30)})

    assert is_in(client)


def test_recovery_codes_are_counted_like_others(protected, clock):
    for _ in range(5):
        at_the_code().post(CODE, {"code": WRONG})
    client = at_the_code()

    client.post(CODE, {"code": recovery_codes(protected)[0]})

    assert not is_in(client)


@pytest.mark.django_db(transaction=True)
def test_codes_tried_at_the_same_moment_are_counted_before_they_are_looked_at(protected, clock):
    clients = [at_the_code() for _ in range(12)]

    def guess(client: Client) -> str:
        try:
            return client.post(CODE, {"code": WRONG}).content.decode()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(guess, clients))

    assert sum("Wrong or already used code" in answer for answer in answers) <= 5
    assert sum("Too many wrong codes" in answer for answer in answers) >= 7


def test_a_recovery_code_signs_in_once(protected):
    code = recovery_codes(protected)[0]
    first, second = at_the_code(), at_the_code()

    first.post(CODE, {"code": code})
    second.post(CODE, {"code": code})

    assert (is_in(first), is_in(second)) == (True, False)
    assert code not in recovery_codes(protected)


def test_new_recovery_codes_end_the_old_ones(protected, client):
    old = recovery_codes(protected)
    client = at_the_code()
    client.post(CODE, {"code": old[0]})
    confirm(client)

    client.post("/accounts/two-factor/recovery-codes/new/")

    assert not set(old) & set(recovery_codes(protected))
    assert at_the_code().post(CODE, {"code": old[1]}).status_code == 200


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
def test_a_session_that_was_left_open_changes_and_shows_nothing(protected, clock, address):
    client = at_the_code()
    client.post(CODE, {"code": code_now(clock)})

    assert client.get(address).url.startswith("/accounts/reauthenticate/")
    assert client.post(address).status_code in (302, 405)
    assert Authenticator.objects.filter(user=protected).count() == 2


def test_the_app_is_turned_off_with_its_recovery_codes(protected, clock):
    client = at_the_code()
    client.post(CODE, {"code": code_now(clock)})
    confirm(client)

    client.post("/accounts/two-factor/app/remove/")

    assert not Authenticator.objects.exists()
    assert sign_in(Client()).url == "/albums/"


def test_a_page_that_asks_for_the_code_needs_the_password_first(protected):
    assert Client().get(CODE).url == "/accounts/login/"
    assert Client().post(CODE, {"code": WRONG}).url == "/accounts/login/"


def test_whoever_cancels_begins_with_the_password_again(protected, clock):
    client = at_the_code()

    client.post("/accounts/logout/", {"next": "/accounts/login/"})

    assert client.get(CODE).url == "/accounts/login/"
    assert client.post(CODE, {"code": code_now(clock)}).url == "/accounts/login/"


def test_secrets_are_sealed_in_the_database(protected):
    rows = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert SECRET not in rows
    assert not any(code in rows for code in recovery_codes(protected))


def test_with_another_secret_key_no_code_is_right_and_the_command_helps(protected, clock, settings, caplog):
    settings.SECRET_KEY = "another key, with which nothing here was ever sealed"
    client = at_the_code()

    answer = client.post(CODE, {"code": code_now(clock)})

    assert (answer.status_code, is_in(client)) == (200, False)
    assert "SECRET_KEY has changed" in caplog.text


def test_the_command_removes_the_second_factor(protected, capsys):
    call_command("remove_second_factor", "owner")

    assert sign_in(Client()).url == "/albums/"
    assert "owner signs in with the password alone" in capsys.readouterr().out
    with pytest.raises(CommandError, match="No user is called nobody"):
        call_command("remove_second_factor", "nobody")


def test_a_session_that_waits_for_the_code_ends_with_another_password(protected, clock):
    client = at_the_code()
    protected.set_password("another fine password")
    protected.save()

    answer = client.post(CODE, {"code": code_now(clock)})

    assert "Your password has changed" in answer.content.decode()
    assert not is_in(client)


def test_the_overview_says_what_is_on(protected, client, clock):
    client = at_the_code()
    client.post(CODE, {"code": code_now(clock)})

    page = client.get("/accounts/two-factor/").content.decode()

    assert "Signing in requires a code from your app" in page
    assert "Passkeys don\u2019t work at this address" in page  # http, and no localhost


def test_counting_needs_no_request_of_its_own_kind(protected, rf):
    for _ in range(5):
        second_factor.count_attempt(rf.get("/"), protected)
    with pytest.raises(second_factor.ValidationError):
        second_factor.count_attempt(rf.get("/"), protected)
