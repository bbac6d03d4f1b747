"""The security log: one line for each event, without secrets and without text that a client entered."""

import logging
import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client, RequestFactory

from albums.models import Album
from config.accounts import first_user, security_log
from config.accounts.security_log import Event, hashed
from config.log_format import OneLine
from processing.models.states import JobState
from tests.processing import making

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PASSWORD = "a fine password"
LOGGER = "darkroom.security"


@pytest.fixture
def new_lines(caplog):
    """Returns the lines written since the last call."""
    caplog.set_level(logging.INFO, logger=LOGGER)

    def take() -> list[str]:
        messages = [record.getMessage() for record in caplog.records if record.name == LOGGER]
        caplog.clear()
        return messages

    return take


def sign_in(client: Client, name: str, password: str = PASSWORD):
    return client.post("/accounts/login/", {"username": name, "password": password})


def test_signing_in_and_out_is_logged_with_user_and_address(owner, new_lines):
    client = Client()
    new_lines()

    sign_in(client, "owner")
    client.post("/accounts/logout/")

    assert new_lines() == [
        f"event=signed-in user={owner.pk} address=127.0.0.1",
        f"event=signed-out user={owner.pk} address=127.0.0.1",
    ]


def test_a_failed_sign_in_logs_a_hash_of_the_name_and_no_name_or_password(owner, new_lines, settings):
    new_lines()

    sign_in(Client(), "Owner", "mistyped-secret")
    sign_in(Client(), "mistyped-secret", "owner")

    first, second = new_lines()
    assert first == f"event=sign-in-failed address=127.0.0.1 name={hashed('owner')}"
    assert "mistyped-secret" not in second
    settings.SECRET_KEY = "another"
    assert hashed("owner") not in first


@pytest.mark.parametrize("name", ["owner", " Owner ", "OWNER", "\uff4fwner", "owner\n"])
def test_all_spellings_of_a_name_have_the_same_hash(name):
    assert hashed(name) == hashed("owner")


@pytest.mark.parametrize("name", ["", "\ud800", "\x00", "a" * 1_000_000])
def test_any_name_has_a_hash(name):
    assert re.fullmatch("[0-9a-f]{16}", hashed(name))


def test_a_failed_sign_in_to_another_account_is_not_logged_for_the_current_user(admin, owner, new_lines):
    client = Client()
    client.force_login(admin)
    new_lines()

    client.post("/accounts/login/", {"username": "owner", "password": "wrong"})

    logged_lines = new_lines()
    assert [line for line in logged_lines if f" user={admin.pk}" in line] == []


def test_a_throttled_sign_in_is_logged(owner, new_lines, settings):
    settings.LOGIN_ATTEMPTS = 1
    sign_in(Client(), "owner", "wrong")
    new_lines()

    sign_in(Client(), "owner")

    (line,) = new_lines()
    assert re.fullmatch(rf"event=sign-in-throttled address=127\.0\.0\.1 name={hashed('owner')} wait=\d+", line)


def test_adding_failing_and_removing_a_second_factor_is_logged(owner, new_lines):
    client = Client()
    new_lines()
    TOTP.activate(owner, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    sign_in(client, "owner")
    client.post("/accounts/two-factor/code/", {"code": "no code"})
    call_command("remove_second_factor", "owner")

    assert new_lines() == [
        f"event=second-factor-added user={owner.pk} method=totp",
        f"event=sign-in-failed user={owner.pk} address=127.0.0.1 method=totp",
        f"event=second-factor-removed user={owner.pk} method=totp",
    ]


def test_ending_other_sessions_is_logged(owner, new_lines):
    first, second = Client(), Client()
    sign_in(first, "owner")
    sign_in(second, "owner")
    new_lines()

    second.post("/accounts/sessions/")

    assert new_lines() == [f"event=other-sessions-ended user={owner.pk} address=127.0.0.1 count=1"]


def test_the_address_from_a_proxys_header_is_logged_if_a_proxy_is_configured(owner, new_lines, settings):
    settings.BEHIND_TLS = True
    new_lines()

    Client().post("/accounts/login/", {"username": "x", "password": "y"}, headers={"X-Forwarded-For": "192.0.2.7"})

    assert "address=192.0.2.7" in new_lines()[0]


def test_creating_the_first_user_is_logged(new_lines):
    link = first_user.link() or ""

    Client().post(link, {"username": "anna", "password1": PASSWORD, "password2": PASSWORD})

    user = User.objects.get()
    assert new_lines() == [
        f"event=user-created user={user.pk} address=127.0.0.1 now=staff+superuser+active",
        f"event=first-user-created user={user.pk} address=127.0.0.1",
        f"event=signed-in user={user.pk} address=127.0.0.1",
    ]
    assert not any(link.split("/")[2] in line for line in new_lines())


def test_making_a_user_superuser_in_the_admin_is_logged_with_the_administrator(admin, owner, new_lines):
    client = Client()
    client.force_login(admin)
    new_lines()

    form = {"username": "owner", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(f"/admin/auth/user/{owner.pk}/change/", form).status_code == 302

    pairs = f"user={owner.pk} by={admin.pk} address=127.0.0.1 before=active now=staff+superuser+active"
    assert new_lines() == [f"event=privileges-changed {pairs}"]


def test_a_new_password_is_logged_and_rehashing_the_same_one_is_not(owner, new_lines, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    owner.set_password(PASSWORD)
    owner.save()
    assert new_lines() == [f"event=password-changed user={owner.pk}"]
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    before = User.objects.get(pk=owner.pk).password

    sign_in(Client(), "owner")

    assert User.objects.get(pk=owner.pk).password != before
    assert new_lines() == [f"event=signed-in user={owner.pk} address=127.0.0.1"]


def test_granting_permissions_and_groups_is_logged(owner, new_lines):
    permission = Permission.objects.get(codename="delete_album")
    group = Group.objects.create(name="keepers\nevent=signed-in")
    new_lines()

    owner.user_permissions.add(permission)
    owner.groups.add(group)
    group.user_set.remove(owner)
    owner.user_permissions.clear()

    assert new_lines() == [
        f"event=privileges-changed user={owner.pk} what=permission-add ids={permission.pk}",
        f"event=privileges-changed user={owner.pk} what=group-add ids={group.pk}",
        f"event=privileges-changed what=group-remove ids={group.pk} users={owner.pk}",
        f"event=privileges-changed user={owner.pk} what=permission-clear",
    ]


def test_opening_another_users_album_is_logged_once_per_session(admin, album, new_lines):
    client, other_client = Client(), Client()
    client.force_login(admin)
    other_client.force_login(admin)
    photo = making.photo(album, making.job_in(album, JobState.COMPLETED))
    photo.save()
    new_lines()

    for path in (f"/albums/{album.pk}/", f"/photos/{photo.pk}/", f"/albums/{album.pk}/uploads/status/"):
        client.get(path)
    expected_line = (
        f"event=other-users-album-opened user={admin.pk} address=127.0.0.1 album={album.pk} owner={album.owner_id}"
    )
    assert new_lines() == [expected_line]
    other_client.get(f"/photos/{photo.pk}/original/")
    assert new_lines() == [expected_line]


def test_opening_and_deleting_an_own_album_is_not_logged(owner, album, new_lines):
    client = Client()
    client.force_login(owner)
    new_lines()

    client.get(f"/albums/{album.pk}/")
    client.post(f"/albums/{album.pk}/delete/")

    assert new_lines() == []
    assert "albums_of_others" not in client.session


def test_deleting_another_users_album_is_logged(admin, album, new_lines):
    client = Client()
    client.force_login(admin)
    new_lines()

    client.post(f"/albums/{album.pk}/delete/")
    client.post(f"/albums/{album.pk}/delete-permanently/")

    pairs = f"user={admin.pk} address=127.0.0.1 what={{}} album={album.pk} owner={album.owner_id}"
    assert new_lines()[1:] == [
        f"event=other-users-content-deleted {pairs.format(action)}" for action in ("album-trashed", "album-deleted")
    ]


def test_opening_and_deleting_another_users_album_in_the_admin_is_logged(admin, album, new_lines):
    client = Client()
    client.force_login(admin)
    new_lines()

    client.get(f"/admin/albums/album/{album.pk}/change/")
    client.post(f"/admin/albums/album/{album.pk}/delete/", {"post": "yes"})

    opened, deleted = new_lines()
    assert "event=other-users-album-opened" in opened
    assert "event=other-users-content-deleted" in deleted
    assert not Album.objects.exists()


@pytest.mark.parametrize(
    "value", ["a\nevent=signed-in user=1", "a\r\nb", "a b=c", 'a"b', "a\u2028b", "\x1b[2J", "ü", ""]
)
def test_no_value_can_add_a_pair_or_a_line(new_lines, value):
    security_log.record(Event.FACTOR_ADDED, method=value)

    (line,) = new_lines()
    assert re.fullmatch(r'event=second-factor-added method="([^"\\\x00-\x1f]|\\.)*"', line)
    assert line.isascii()
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, "%s", (line,), None)
    assert OneLine("{message}", style="{").format(record) == line


def test_an_event_of_a_command_has_no_address(owner, new_lines):
    security_log.record(Event.PASSWORD_RESET, user=owner)

    assert new_lines() == [f"event=password-reset user={owner.pk}"]


def test_an_action_on_another_user_logs_both_users(admin, owner, new_lines):
    request = RequestFactory().get("/")
    request.user = admin

    security_log.record(Event.FACTOR_REMOVED, request, user=owner, method="totp")

    assert new_lines() == [
        f"event=second-factor-removed user={owner.pk} by={admin.pk} address=127.0.0.1 method=totp",
    ]


def test_security_events_are_logged_at_any_log_level(settings):
    assert settings.LOGGING["loggers"][LOGGER] == {"level": "INFO"}
