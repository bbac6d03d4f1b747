"""A session ends when it is idle and after a fixed time; its key changes with each sign-in and each change of privileges."""

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
def advance_clock(monkeypatch):
    """Moves Django's clock, which does not move otherwise."""
    now = [timezone.now()]

    def advance(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)

    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return advance


def signed_in(**headers: str) -> Client:
    client = Client(headers=headers)
    response = client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})
    assert response.status_code == 302
    return client


def is_signed_in(client: Client, **headers: str) -> bool:
    """Whether a client is signed in, by a request that does not count as activity."""
    return client.get("/accounts/", headers={"HX-Request": "true", **headers}).status_code == 200


def key(client: Client) -> str:
    return client.cookies["sessionid"].value


@pytest.mark.parametrize(("days", "is_still_signed_in"), [(2.9, True), (3.1, False)])
def test_an_idle_session_ends_after_three_days(owner, advance_clock, days, is_still_signed_in):
    client = signed_in()

    advance_clock(days * A_DAY)

    assert is_signed_in(client) == is_still_signed_in


def test_a_session_in_use_continues_and_ends_after_fourteen_days(owner, advance_clock):
    client = signed_in()
    for _ in range(13):
        advance_clock(A_DAY)
        assert client.get("/accounts/", headers=PAGE).status_code == 200

    advance_clock(1.01 * A_DAY)

    assert client.get("/accounts/", headers=PAGE).status_code == 302


def test_the_idle_time_and_the_maximum_time_are_settings(owner, advance_clock, settings):
    settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS = 100, 150
    client = signed_in()
    advance_clock(90)
    assert client.get("/accounts/", headers=PAGE).status_code == 200
    advance_clock(50)
    assert is_signed_in(client)

    advance_clock(11)

    assert not is_signed_in(client)


def test_a_page_that_only_polls_does_not_extend_the_session(owner, advance_clock):
    client = signed_in()
    for _ in range(30):
        advance_clock(0.1 * A_DAY)
        is_signed_in(client)

    advance_clock(1)

    assert not is_signed_in(client)


def test_uploading_extends_the_session(owner, advance_clock):
    client = signed_in()
    for _ in range(4):
        advance_clock(2 * A_DAY)
        client.post("/batches/")

    assert is_signed_in(client)


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
def test_requests_by_the_user_count_as_activity(method, headers, counts):
    assert activity.is_activity(RequestFactory().generic(method, "/", headers=headers)) == counts


def test_recording_activity_costs_queries_only_once_per_interval(owner, advance_clock, django_assert_num_queries):
    client = signed_in()
    with django_assert_num_queries(4):  # the session, the user, and the user's permissions for the navigation
        client.get("/accounts/", headers=PAGE)
    advance_clock(activity.RECORD_INTERVAL_SECONDS + 1)
    with django_assert_num_queries(4 + 3):  # and, once per interval, the activity: a savepoint around an update
        client.get("/accounts/", headers=PAGE)

    with django_assert_num_queries(4):
        client.get("/accounts/", headers=PAGE)


def test_a_session_deleted_while_its_activity_is_recorded_leads_to_the_sign_in_page(owner, advance_clock, monkeypatch):
    client = signed_in()
    advance_clock(A_DAY)
    monkeypatch.setattr(SessionStore, "load", _deleting_all_sessions(SessionStore.load))

    response = client.get("/accounts/", headers=PAGE)

    assert (response.status_code, response.url) == (302, "/accounts/login/?next=/accounts/")


def fill_disk(monkeypatch):
    """Every write of a session fails as SQLite fails on a full disk. Other writes still succeed."""

    def fail(*_, **__):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(Session, "save", fail)


def test_a_full_disk_signs_nobody_out(owner, advance_clock, monkeypatch):
    client = signed_in()
    advance_clock(A_DAY)
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


def _deleting_all_sessions(load):
    def load_and_delete(store):
        data = load(store)
        Session.objects.all().delete()
        return data

    return load_and_delete


def test_signing_in_changes_the_session_key(owner):
    client = Client()
    client.force_login(owner)
    before = key(client)
    client.post("/accounts/logout/")

    client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})

    assert key(client) != before
    assert not Session.objects.filter(pk=before).exists()


def test_a_session_key_chosen_by_an_attacker_is_replaced_at_sign_in(owner):
    planted = SessionStore()
    planted.create()
    client = Client()
    client.cookies["sessionid"] = planted.session_key

    client.post("/accounts/login/", {"username": "owner", "password": PASSWORD})

    assert key(client) != planted.session_key
    assert not Session.objects.filter(pk=planted.session_key).exists()


def test_a_new_password_changes_the_key_and_ends_all_other_sessions(owner):
    client, other_client = signed_in(), signed_in()
    before = key(client)
    form = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

    response = client.post("/accounts/password/change/", form, follow=True)

    assert "Password changed." in response.content.decode()
    assert key(client) != before
    assert (is_signed_in(client), is_signed_in(other_client)) == (True, False)


@pytest.mark.parametrize("privilege", ["is_staff", "is_superuser"])
def test_granting_or_revoking_a_privilege_changes_the_session_key(owner, privilege):
    client = signed_in()
    for is_granted in (True, False):
        before = key(client)
        User.objects.filter(pk=owner.pk).update(**{privilege: is_granted})

        assert is_signed_in(client)
        assert key(client) != before
        assert not Session.objects.filter(pk=before).exists()
        assert is_signed_in(client)


def test_confirming_the_password_changes_the_key_and_updates_the_list_of_sessions(owner):
    client = signed_in()
    before = key(client)

    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert key(client) != before
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]


def test_other_sessions_can_be_signed_out(owner):
    client, other_client = signed_in(**{"User-Agent": "Camera/1"}), signed_in(**{"User-Agent": "Telephone/2"})
    page = client.get("/accounts/sessions/").content.decode()
    assert ("Camera/1" in page, "Telephone/2" in page, page.count("this browser")) == (True, True, 1)

    response = client.post("/accounts/sessions/", follow=True)

    assert "All other sessions signed out." in response.content.decode()
    assert (is_signed_in(client), is_signed_in(other_client)) == (True, False)


def test_signing_out_deletes_the_session(owner):
    client = signed_in()
    before = key(client)

    client.post("/accounts/logout/")

    assert not Session.objects.filter(pk=before).exists()


def test_signing_out_by_a_link_asks_for_confirmation(owner):
    client = signed_in()

    assert client.get("/accounts/logout/").status_code == 200
    assert is_signed_in(client)


def test_an_anonymous_session_lasts_an_hour(advance_clock):
    store = SessionStore()
    store["step"] = 1
    store.save()

    assert Session.objects.get().expire_date == timezone.now().replace(tzinfo=UTC) + timedelta(hours=1)


def test_expired_sessions_are_deleted_and_others_are_kept(owner, advance_clock):
    signed_in()
    advance_clock(4 * A_DAY)
    client = signed_in()

    call_command("clear_expired")

    assert list(Session.objects.values_list("pk", flat=True)) == [key(client)]
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]


def test_the_expiry_is_stored_in_the_sessions_row(owner, advance_clock):
    signed_in()

    expires = Session.objects.get().expire_date

    assert isinstance(expires, datetime)
    assert expires == timezone.now() + timedelta(days=3)


def test_a_worker_deletes_expired_sessions(owner, advance_clock):
    signed_in()
    advance_clock(4 * A_DAY)

    tasks.sweep.call_local()

    assert Session.objects.count() == 0


def test_many_sessions_cost_no_more_queries_than_two(owner):
    client = signed_in()
    signed_in()
    counts = []
    for _ in range(2):
        client.get("/accounts/sessions/")  # shows the messages of earlier requests
        with CaptureQueriesContext(connection) as captured:
            signed_in()
            client.get("/accounts/sessions/")
            client.post("/accounts/sessions/")
        counts.append(len(captured))
        for _ in range(5):
            signed_in()

    assert counts[0] == counts[1]


def test_sessions_ended_by_a_new_password_are_not_listed(owner):
    client, other_client = signed_in(), signed_in()
    form = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

    client.post("/accounts/password/change/", form)

    assert Session.objects.count() == 1
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key(client)]
    assert not is_signed_in(other_client)
