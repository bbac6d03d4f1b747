"""A session ends when nobody uses it, and at its time in any case; its key changes whenever it comes to be worth more."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.accounts.sessions import activity
from config.accounts.sessions.store import SessionStore
from processing import tasks

pytestmark = pytest.mark.django_db

PASSWORD = "a fine password"
PAGE = {"Accept": "text/html,*/*"}
A_DAY = 24 * 3600


@pytest.fixture
def clock(monkeypatch):
    """Django's own, which only `pass_time` moves."""
    now = [timezone.now()]

    def pass_time(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return pass_time


def signed_in(**headers: str) -> Client:
    client = Client(headers=headers)
    answer = client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})
    assert answer.status_code == 302
    return client


def is_in(client: Client, **headers: str) -> bool:
    """By a request that is no activity."""
    return client.get("/accounts/", headers={"HX-Request": "true", **headers}).status_code == 200


def key(client: Client) -> str:
    return client.cookies["sessionid"].value


@pytest.mark.parametrize(("days", "is_still_in"), [(2.9, True), (3.1, False)])
def test_a_session_that_nobody_uses_ends_after_three_days(owner, clock, days, is_still_in):
    client = signed_in()

    clock(days * A_DAY)

    assert is_in(client) == is_still_in


def test_a_session_that_is_used_goes_on_and_ends_after_fourteen_days_all_the_same(owner, clock):
    client = signed_in()
    for _ in range(13):
        clock(A_DAY)
        assert client.get("/accounts/", headers=PAGE).status_code == 200

    clock(1.01 * A_DAY)

    assert client.get("/accounts/", headers=PAGE).status_code == 302


def test_both_times_are_settings(owner, clock, settings):
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = 100, 150
    client = signed_in()
    clock(90)
    assert client.get("/accounts/", headers=PAGE).status_code == 200
    clock(50)
    assert is_in(client)

    clock(11)

    assert not is_in(client)


def test_a_page_that_polls_all_night_keeps_no_session_alive(owner, clock):
    client = signed_in()
    for _ in range(30):
        clock(0.1 * A_DAY)
        is_in(client)

    clock(1)

    assert not is_in(client)


def test_what_is_uploaded_keeps_it_alive(owner, clock):
    client = signed_in()
    for _ in range(4):
        clock(2 * A_DAY)
        client.post("/batches/")

    assert is_in(client)


@pytest.mark.parametrize(
    ("method", "headers", "counts"),
    [
        ("GET", PAGE, True),
        ("GET", PAGE | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}, True),
        ("GET", PAGE | {"Sec-Fetch-Mode": "navigate"}, False),  # a reload without a script
        ("GET", PAGE | {"HX-Request": "true"}, False),
        ("GET", {"Accept": "image/avif,*/*"}, False),
        ("GET", {}, False),
        ("HEAD", {}, False),
        ("PATCH", {}, True),
        ("POST", {"HX-Request": "true"}, True),
    ],
)
def test_what_counts_as_activity(method, headers, counts):
    assert activity.is_activity(RequestFactory().generic(method, "/", headers=headers)) == counts


def test_a_page_costs_no_more_queries_when_it_is_used_often(owner, clock, django_assert_num_queries):
    client = signed_in()
    with django_assert_num_queries(2):  # the session and the user
        client.get("/accounts/", headers=PAGE)
    clock(activity.RECORD_INTERVAL_SECONDS + 1)
    with django_assert_num_queries(2 + 3):  # and, once in a while, the note: a savepoint around an update
        client.get("/accounts/", headers=PAGE)

    with django_assert_num_queries(2):
        client.get("/accounts/", headers=PAGE)


def test_a_session_that_is_ended_while_it_is_noted_fails_nothing(owner, clock, monkeypatch):
    client = signed_in()
    clock(A_DAY)
    monkeypatch.setattr(SessionStore, "load", _then_deleted(SessionStore.load))

    answer = client.get("/accounts/", headers=PAGE)

    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=/accounts/")


def fill_disk(monkeypatch):
    """Every write of a session fails as SQLite fails on a full disk. Other writes still succeed."""

    def fail(*_, **__):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(Session, "save", fail)


def test_a_full_disk_signs_nobody_out(owner, clock, monkeypatch):
    client = signed_in()
    clock(A_DAY)
    fill_disk(monkeypatch)

    response = client.get("/accounts/", headers=PAGE)
    monkeypatch.undo()

    assert response.status_code == 200
    assert Session.objects.filter(pk=key(client)).exists()


def test_a_session_that_a_full_disk_does_not_store_is_no_deleted_session(owner, monkeypatch):
    client = signed_in()
    session = client.session
    session["step"] = 1
    fill_disk(monkeypatch)

    with pytest.raises(OperationalError, match="disk is full"):
        session.save()


def _then_deleted(load):
    def load_and_delete(store):
        data = load(store)
        Session.objects.all().delete()
        return data

    return load_and_delete


def test_signing_in_changes_the_key(owner):
    client = Client()
    client.force_login(owner)
    before = key(client)
    client.post("/accounts/logout/")

    client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})

    assert key(client) != before
    assert not Session.objects.filter(pk=before).exists()


def test_a_key_that_somebody_else_chose_is_not_signed_in(owner):
    planted = SessionStore()
    planted.create()
    client = Client()
    client.cookies["sessionid"] = planted.session_key

    client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})

    assert key(client) != planted.session_key
    assert not Session.objects.filter(pk=planted.session_key).exists()


def test_a_new_password_changes_the_key_and_ends_all_other_sessions(owner):
    client, other = signed_in(), signed_in()
    before = key(client)
    form = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

    answer = client.post("/accounts/password/change/", form, follow=True)

    assert "Password changed." in answer.content.decode()
    assert key(client) != before
    assert (is_in(client), is_in(other)) == (True, False)


@pytest.mark.parametrize("privilege", ["is_staff", "is_superuser"])
def test_a_privilege_that_is_given_or_taken_changes_the_key(owner, privilege):
    client = signed_in()
    for has in (True, False):
        before = key(client)
        User.objects.filter(pk=owner.pk).update(**{privilege: has})

        assert is_in(client)
        assert key(client) != before
        assert not Session.objects.filter(pk=before).exists()
        assert is_in(client)


def test_confirming_the_password_changes_the_key_and_the_list_of_sessions_keeps_it(owner):
    client = signed_in()
    before = key(client)

    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert key(client) != before
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]


def test_other_sessions_are_signed_out(owner):
    client, other = signed_in(**{"User-Agent": "Camera/1"}), signed_in(**{"User-Agent": "Telephone/2"})
    page = client.get("/accounts/sessions/").content.decode()
    assert ("Camera/1" in page, "Telephone/2" in page, page.count("this browser")) == (True, True, 1)

    answer = client.post("/accounts/sessions/", follow=True)

    assert "All other sessions signed out." in answer.content.decode()
    assert (is_in(client), is_in(other)) == (True, False)


def test_signing_out_ends_the_session_for_good(owner):
    client = signed_in()
    before = key(client)

    client.post("/accounts/logout/")

    assert not Session.objects.filter(pk=before).exists()


def test_signing_out_by_a_link_asks_first(owner):
    client = signed_in()

    assert client.get("/accounts/logout/").status_code == 200
    assert is_in(client)


def test_a_session_of_nobody_lasts_an_hour(clock):
    store = SessionStore()
    store["step"] = 1
    store.save()

    assert Session.objects.get().expire_date == timezone.now().replace(tzinfo=UTC) + timedelta(hours=1)


def test_what_ended_is_cleared_and_what_has_not_is_kept(owner, clock):
    signed_in()
    clock(4 * A_DAY)
    client = signed_in()

    call_command("clear_expired")

    assert list(Session.objects.values_list("pk", flat=True)) == [key(client)]
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]


def test_the_expiry_is_the_rows_own(owner, clock):
    signed_in()

    expires = Session.objects.get().expire_date

    assert isinstance(expires, datetime)
    assert expires == timezone.now() + timedelta(days=3)


def test_a_worker_clears_what_ended(owner, clock):
    signed_in()
    clock(4 * A_DAY)

    tasks.sweep.call_local()

    assert Session.objects.count() == 0


def test_many_sessions_cost_no_more_queries_than_two(owner):
    client = signed_in()
    signed_in()
    counts = []
    for _ in range(2):
        client.get("/accounts/sessions/")  # what was said before is said here
        with CaptureQueriesContext(connection) as captured:
            signed_in()
            client.get("/accounts/sessions/")
            client.post("/accounts/sessions/")
        counts.append(len(captured))
        for _ in range(5):
            signed_in()

    assert counts[0] == counts[1]


def test_sessions_that_a_new_password_ended_are_listed_no_more(owner):
    client, other = signed_in(), signed_in()
    form = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

    client.post("/accounts/password/change/", form)

    assert Session.objects.count() == 1
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]
    assert not is_in(other)
