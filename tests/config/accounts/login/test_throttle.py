"""Guessing passwords has to wait; nobody waits for ever, and nobody for somebody else."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace

import pytest
from allauth.core.internal import ratelimit
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from config import cache
from config.accounts.login import throttle
from config.models import CachedValue

pytestmark = pytest.mark.django_db

DOOR = "/accounts/login/"
WRONG, RIGHT = "a poor guess", "a fine password"
ELSEWHERE = "203.0.113.9"


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> SimpleNamespace:
    """Stands still, unless a test adds to its `now`."""
    clock = SimpleNamespace(now=1_000_000_000.0)
    time = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now)
    for module in (cache, throttle, ratelimit):
        monkeypatch.setattr(module, "time", time)
    return clock


@pytest.fixture(autouse=True)
def limits(settings) -> None:
    settings.LOGIN_ATTEMPTS, settings.LOGIN_SECONDS = 3, 300.0


def attempt(
    password: str = WRONG, name: str = "admin", address: str = "127.0.0.1", client: Client | None = None, **headers: str
):
    form = {"username": name, "password": password}
    return (client or Client()).post(DOOR, form, REMOTE_ADDR=address, headers=headers)


def fail(times: int, **more) -> None:
    assert {attempt(**more).status_code for _ in range(times)} == {200}


def in_words() -> str:
    return json.dumps(list(CachedValue.objects.values_list("key", "value")))


def test_too_many_wrong_passwords_have_to_wait_and_are_told_how_long(admin):
    fail(3)

    answer = attempt()

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) == 300
    assert b"Too many failed attempts. Try again in 5 minutes." in answer.content


def test_the_admins_own_page_takes_no_password(admin):
    answer = Client().post("/admin/login/", {"username": "admin", "password": RIGHT})

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2Flogin%2F")


def test_the_right_password_waits_too_or_guessing_would_go_on(admin):
    fail(3)

    assert attempt(RIGHT).status_code == 429


def test_the_wait_ends_by_itself_and_trying_does_not_prolong_it(admin, clock):
    fail(3)
    clock.now += 299
    assert attempt().status_code == 429
    clock.now += 2

    assert attempt(RIGHT).status_code == 302


def test_what_no_longer_counts_is_forgotten(admin, clock):
    fail(2)
    clock.now += 301

    assert cache.clear_expired() == CachedValue.objects.count() + 3
    assert in_words() == "[]"


def test_the_name_is_free_from_elsewhere(admin):
    fail(3)

    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_others_of_the_same_network_may_sign_in(admin, owner):
    fail(3)

    assert attempt(RIGHT, name="owner").status_code == 302


def test_one_client_that_tries_many_names_does_not_shut_its_network_out(admin):
    for number in range(5 * 3):
        fail(1, name=f"guess-{number}")

    assert attempt(RIGHT).status_code == 302


def test_a_network_that_goes_on_trying_names_has_to_wait(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NETWORK_FACTOR", 2)
    for number in range(3 * throttle.NETWORK_FACTOR):
        fail(1, name=f"guess-{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_a_name_that_is_guessed_from_everywhere_has_to_wait(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NAME_FACTOR", 4)
    for number in range(throttle.NAME_FACTOR):
        fail(3, address=f"198.51.100.{number}")

    assert attempt(RIGHT, address=ELSEWHERE).status_code == 429
    assert attempt(RIGHT, name="owner", address=ELSEWHERE).status_code == 200  # there is no such user: it was looked at


def test_a_browser_that_signed_in_before_is_not_shut_out_by_guesses_from_elsewhere(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NAME_FACTOR", 4)
    known = Client()
    assert attempt(RIGHT, client=known).status_code == 302
    known.post("/accounts/logout/")
    for number in range(throttle.NAME_FACTOR):
        fail(3, address=f"198.51.100.{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, client=known).status_code == 302


def test_guessing_from_a_known_browser_has_to_wait_too(admin):
    known = Client()
    attempt(RIGHT, client=known)
    known.post("/accounts/logout/")
    fail(3, client=known)

    assert attempt(client=known).status_code == 429


def test_a_known_browser_is_known_for_its_own_user_only(admin, owner):
    known = Client()
    attempt(RIGHT, name="owner", client=known)
    known.post("/accounts/logout/")
    fail(3)

    assert attempt(RIGHT, client=known).status_code == 429


def test_who_made_the_cookie_up_is_not_known(admin):
    stranger = Client()
    stranger.cookies["known_device"] = "0" * 64 + ".abc:1abcde:signature"
    fail(3, client=stranger)

    assert attempt(client=stranger).status_code == 429


def test_a_customer_with_many_ipv6_networks_cannot_shut_a_name_out(admin):
    for number in range(throttle.SITE_FACTOR):
        fail(3, address=f"2001:db8:1:{number}::7")

    assert attempt(address="2001:db8:1:ff::7").status_code == 429
    assert attempt(RIGHT, address="2001:db8:2::7").status_code == 302


def test_who_knows_the_password_after_all_starts_afresh(admin):
    fail(2)
    attempt(RIGHT)

    fail(2)

    assert attempt(RIGHT).status_code == 302


def test_signing_in_counts_for_nothing(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NETWORK_FACTOR", 1)
    monkeypatch.setattr(throttle, "NAME_FACTOR", 1)
    for _ in range(3 + 1):
        assert attempt(RIGHT).status_code == 302


@pytest.mark.parametrize("spelling", ["ADMIN", " admin", "admin\u00a0", "\uff41\uff44\uff4d\uff49\uff4e"])
def test_a_name_is_the_same_however_it_is_written(admin, spelling):
    fail(2, name=spelling)
    fail(1, name="admin")

    assert attempt(RIGHT, name=spelling).status_code == 429
    assert attempt(RIGHT, name="Admin").status_code == 429


def test_typed_names_are_not_kept_in_words(admin):
    fail(1, name="my secret passphrase")

    assert "allauth" in in_words()
    assert "secret" not in in_words()


def test_a_header_that_anybody_can_send_frees_nobody(admin):
    fail(3)

    assert attempt(**{"X-Forwarded-For": ELSEWHERE}).status_code == 429


def test_behind_a_proxy_the_senders_own_part_of_the_header_frees_nobody(admin, settings):
    settings.BEHIND_TLS = True
    fail(3, **{"X-Forwarded-For": "198.51.100.1"})

    assert attempt(**{"X-Forwarded-For": f"{ELSEWHERE}, 198.51.100.1:4711"}).status_code == 429
    assert attempt(RIGHT, **{"X-Forwarded-For": ELSEWHERE}).status_code == 302


def test_a_minute_from_now_it_is_a_minute_less(admin, clock):
    fail(3)
    clock.now += 60

    assert int(attempt()["Retry-After"]) == 240


def test_the_page_after_the_wait_leads_where_it_was_meant_to(admin):
    fail(3)

    answer = Client().post(DOOR, {"username": "admin", "password": WRONG, "next": "/jobs/"})

    assert b'name="next" value="/jobs/"' in answer.content


def test_a_refusal_is_told_to_whoever_listens(admin):
    told = []

    def hear(sender, request, name, seconds, **kwargs):
        told.append((name, seconds))

    throttle.refused.connect(hear)
    fail(3)
    attempt(name=" ADMIN")
    throttle.refused.disconnect(hear)

    assert told == [("admin", 300)]


def test_the_password_that_is_asked_for_again_is_counted_with_those_at_the_door(admin):
    client = Client()
    client.force_login(admin)
    form = {"oldpassword": WRONG, "password1": "quite another one", "password2": "quite another one"}
    for _ in range(3):
        assert client.post("/accounts/password/change/", form).status_code == 200

    answer = client.post("/accounts/password/change/", form | {"oldpassword": RIGHT})

    assert (answer.status_code, answer["Retry-After"]) == (429, "300")


@pytest.mark.django_db(transaction=True)
def test_of_many_guesses_at_once_no_more_are_looked_at_than_may_be():
    User.objects.create_user("admin", password=RIGHT)
    start = Barrier(20)

    def guess(number: int) -> int:
        start.wait(60)
        try:
            return attempt().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(guess, range(20)))

    assert answers == [200] * 3 + [429] * 17
