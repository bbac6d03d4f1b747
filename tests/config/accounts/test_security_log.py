"""The security log: one line for each event, with nothing in it that somebody typed or that is secret."""

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
def lines(caplog):
    """What was written since it was asked for last."""
    caplog.set_level(logging.INFO, logger=LOGGER)

    def taken() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.name == LOGGER]
        caplog.clear()
        return found

    return taken


def sign_in(client: Client, name: str, password: str = PASSWORD):
    return client.post("/accounts/login/", {"username": name, "password": password})


def test_signing_in_and_out_is_told_with_user_and_address(owner, lines):
    client = Client()
    lines()

    sign_in(client, "owner")
    client.post("/accounts/logout/")

    assert lines() == [
        f"event=signed-in user={owner.pk} address=127.0.0.1",
        f"event=signed-out user={owner.pk} address=127.0.0.1",
    ]


def test_a_failure_tells_a_hash_of_the_name_and_neither_name_nor_password(owner, lines, settings):
    lines()

    sign_in(Client(), "Owner", "mistyped-secret")
    sign_in(Client(), "mistyped-secret", "owner")

    first, second = lines()
    assert first == f"event=sign-in-failed address=127.0.0.1 name={hashed('owner')}"
    assert "mistyped-secret" not in second
    settings.SECRET_KEY = "another"
    assert hashed("owner") not in first


@pytest.mark.parametrize("name", ["owner", " Owner ", "OWNER", "\uff4fwner", "owner\n"])
def test_a_name_has_one_hash_however_it_is_written(name):
    assert hashed(name) == hashed("owner")


@pytest.mark.parametrize("name", ["", "\ud800", "\x00", "a" * 1_000_000])
def test_any_name_has_a_hash(name):
    assert re.fullmatch("[0-9a-f]{16}", hashed(name))


def test_a_user_who_tries_another_account_is_not_called_that(admin, owner, lines):
    client = Client()
    client.force_login(admin)
    lines()

    client.post("/accounts/login/", {"username": "owner", "password": "wrong"})

    told = lines()
    assert [line for line in told if f" user={admin.pk}" in line] == []


def test_what_is_throttled_is_told(owner, lines, settings):
    settings.LOGIN_ATTEMPTS = 1
    sign_in(Client(), "owner", "wrong")
    lines()

    sign_in(Client(), "owner")

    (line,) = lines()
    assert re.fullmatch(rf"event=sign-in-throttled address=127\.0\.0\.1 name={hashed('owner')} wait=\d+", line)


def test_a_second_factor_is_told_when_it_comes_when_it_is_wrong_and_when_it_goes(owner, lines):
    client = Client()
    lines()
    TOTP.activate(owner, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")

    sign_in(client, "owner")
    client.post("/accounts/two-factor/code/", {"code": "no code"})
    call_command("remove_second_factor", "owner")

    assert lines() == [
        f"event=second-factor-added user={owner.pk} method=totp",
        f"event=sign-in-failed user={owner.pk} address=127.0.0.1 method=totp",
        f"event=second-factor-removed user={owner.pk} method=totp",
    ]


def test_ending_other_sessions_is_told(owner, lines):
    first, second = Client(), Client()
    sign_in(first, "owner")
    sign_in(second, "owner")
    lines()

    second.post("/accounts/sessions/")

    assert lines() == [f"event=other-sessions-ended user={owner.pk} address=127.0.0.1 count=1"]


def test_a_proxys_word_about_the_address_counts_as_it_is_set(owner, lines, settings):
    settings.BEHIND_TLS = True
    lines()

    Client().post("/accounts/login/", {"username": "x", "password": "y"}, headers={"X-Forwarded-For": "192.0.2.7"})

    assert "address=192.0.2.7" in lines()[0]


def test_the_first_user_is_told(lines):
    link = first_user.link() or ""

    Client().post(link, {"username": "anna", "password1": PASSWORD, "password2": PASSWORD})

    user = User.objects.get()
    assert lines() == [
        f"event=user-created user={user.pk} address=127.0.0.1 now=staff+superuser+active",
        f"event=first-user-created user={user.pk} address=127.0.0.1",
        f"event=signed-in user={user.pk} address=127.0.0.1",
    ]
    assert not any(link.split("/")[2] in line for line in lines())


def test_a_user_made_superuser_in_the_admin_is_told_with_who_did_it(admin, owner, lines):
    client = Client()
    client.force_login(admin)
    lines()

    form = {"username": "owner", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    form |= {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    assert client.post(f"/admin/auth/user/{owner.pk}/change/", form).status_code == 302

    told = f"user={owner.pk} by={admin.pk} address=127.0.0.1 before=active now=staff+superuser+active"
    assert lines() == [f"event=privileges-changed {told}"]


def test_a_new_password_is_told_and_one_that_is_only_hashed_anew_is_not(owner, lines, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    owner.set_password(PASSWORD)
    owner.save()
    assert lines() == [f"event=password-changed user={owner.pk}"]
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    before = User.objects.get(pk=owner.pk).password

    sign_in(Client(), "owner")

    assert User.objects.get(pk=owner.pk).password != before
    assert lines() == [f"event=signed-in user={owner.pk} address=127.0.0.1"]


def test_permissions_and_groups_that_are_granted_are_told(owner, lines):
    permission = Permission.objects.get(codename="delete_album")
    group = Group.objects.create(name="keepers\nevent=signed-in")
    lines()

    owner.user_permissions.add(permission)
    owner.groups.add(group)
    group.user_set.remove(owner)
    owner.user_permissions.clear()

    assert lines() == [
        f"event=privileges-changed user={owner.pk} what=permission-add ids={permission.pk}",
        f"event=privileges-changed user={owner.pk} what=group-add ids={group.pk}",
        f"event=privileges-changed what=group-remove ids={group.pk} users={owner.pk}",
        f"event=privileges-changed user={owner.pk} what=permission-clear",
    ]


def test_another_users_album_is_told_once_a_session(admin, album, lines):
    client, other = Client(), Client()
    client.force_login(admin)
    other.force_login(admin)
    photo = making.photo(album, making.job_in(album, JobState.COMPLETED))
    photo.save()
    lines()

    for path in (f"/albums/{album.pk}/", f"/photos/{photo.pk}/", f"/albums/{album.pk}/uploads/status/"):
        client.get(path)
    told = f"event=other-users-album-opened user={admin.pk} address=127.0.0.1 album={album.pk} owner={album.owner_id}"
    assert lines() == [told]
    other.get(f"/photos/{photo.pk}/original/")
    assert lines() == [told]


def test_the_own_album_is_not_told(owner, album, lines):
    client = Client()
    client.force_login(owner)
    lines()

    client.get(f"/albums/{album.pk}/")
    client.post(f"/albums/{album.pk}/delete/")

    assert lines() == []
    assert "albums_of_others" not in client.session


def test_deleting_another_users_album_is_told(admin, album, lines):
    client = Client()
    client.force_login(admin)
    lines()

    client.post(f"/albums/{album.pk}/delete/")
    client.post(f"/albums/{album.pk}/delete-permanently/")

    told = f"user={admin.pk} address=127.0.0.1 what={{}} album={album.pk} owner={album.owner_id}"
    assert lines()[1:] == [
        f"event=other-users-content-deleted {told.format(what)}" for what in ("album-trashed", "album-deleted")
    ]


def test_the_admin_is_no_way_around_it(admin, album, lines):
    client = Client()
    client.force_login(admin)
    lines()

    client.get(f"/admin/albums/album/{album.pk}/change/")
    client.post(f"/admin/albums/album/{album.pk}/delete/", {"post": "yes"})

    opened, deleted = lines()
    assert "event=other-users-album-opened" in opened
    assert "event=other-users-content-deleted" in deleted
    assert not Album.objects.exists()


@pytest.mark.parametrize(
    "value", ["a\nevent=signed-in user=1", "a\r\nb", "a b=c", 'a"b', "a\u2028b", "\x1b[2J", "ü", ""]
)
def test_no_value_adds_a_pair_or_a_line(lines, value):
    security_log.record(Event.FACTOR_ADDED, method=value)

    (line,) = lines()
    assert re.fullmatch(r'event=second-factor-added method="([^"\\\x00-\x1f]|\\.)*"', line)
    assert line.isascii()
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, "%s", (line,), None)
    assert OneLine("{message}", style="{").format(record) == line


def test_a_command_has_no_address(owner, lines):
    security_log.record(Event.PASSWORD_RESET, user=owner)

    assert lines() == [f"event=password-reset user={owner.pk}"]


def test_what_somebody_does_to_another_names_both(admin, owner, lines):
    request = RequestFactory().get("/")
    request.user = admin

    security_log.record(Event.FACTOR_REMOVED, request, user=owner, method="totp")

    assert lines() == [
        f"event=second-factor-removed user={owner.pk} by={admin.pk} address=127.0.0.1 method=totp",
    ]


def test_it_is_written_whatever_the_level_of_the_log_is(settings):
    assert settings.LOGGING["loggers"][LOGGER] == {"level": "INFO"}
