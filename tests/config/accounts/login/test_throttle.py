"""Sign-in attempts are throttled: every wait ends, and one client's failures do not lock other clients out."""

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

LOGIN_PAGE = "/accounts/login/"
WRONG, RIGHT = "a poor guess", "a fine password"
ELSEWHERE = "203.0.113.9"


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that only moves if a test adds to its `now`."""
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
    return (client or Client()).post(LOGIN_PAGE, form, REMOTE_ADDR=address, headers=headers)


def fail(times: int, **options) -> None:
    assert {attempt(**options).status_code for _ in range(times)} == {200}


def stored_values() -> str:
    return json.dumps(list(CachedValue.objects.values_list("key", "value")))


def test_after_too_many_wrong_passwords_the_response_says_how_long_to_wait(admin):
    fail(3)

    response = attempt()

    assert response.status_code == 429
    assert int(response["Retry-After"]) == 300
    assert b"Too many failed attempts. Try again in 5 minutes." in response.content


def test_the_admins_own_login_page_redirects_to_the_sign_in_page(admin):
    response = Client().post("/admin/login/", {"username": "admin", "password": RIGHT})

    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2Flogin%2F")


def test_the_right_password_has_to_wait_too(admin):
    fail(3)

    assert attempt(RIGHT).status_code == 429


def test_the_wait_ends_and_further_attempts_do_not_extend_it(admin, clock):
    fail(3)
    clock.now += 299
    assert attempt().status_code == 429
    clock.now += 2

    assert attempt(RIGHT).status_code == 302


def test_expired_failures_are_deleted(admin, clock):
    fail(2)
    clock.now += 301

    assert cache.clear_expired() == CachedValue.objects.count() + 3
    assert stored_values() == "[]"


def test_a_throttled_name_can_sign_in_from_another_network(admin):
    fail(3)

    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_other_users_of_the_same_network_can_sign_in(admin, owner):
    fail(3)

    assert attempt(RIGHT, name="owner").status_code == 302


def test_a_client_that_tries_many_names_does_not_lock_its_network_out(admin):
    for number in range(5 * 3):
        fail(1, name=f"guess-{number}")

    assert attempt(RIGHT).status_code == 302


def test_a_network_that_tries_very_many_names_has_to_wait(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NETWORK_FACTOR", 2)
    for number in range(3 * throttle.NETWORK_FACTOR):
        fail(1, name=f"guess-{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_a_name_that_is_guessed_from_many_networks_has_to_wait(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NAME_FACTOR", 4)
    for number in range(throttle.NAME_FACTOR):
        fail(3, address=f"198.51.100.{number}")

    assert attempt(RIGHT, address=ELSEWHERE).status_code == 429
    assert attempt(RIGHT, name="owner", address=ELSEWHERE).status_code == 200  # no such user: the password was checked


def test_a_known_browser_is_not_locked_out_by_attempts_from_other_networks(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NAME_FACTOR", 4)
    known_browser = Client()
    assert attempt(RIGHT, client=known_browser).status_code == 302
    known_browser.post("/accounts/logout/")
    for number in range(throttle.NAME_FACTOR):
        fail(3, address=f"198.51.100.{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, client=known_browser).status_code == 302


def test_failed_attempts_from_a_known_browser_have_to_wait_too(admin):
    known_browser = Client()
    attempt(RIGHT, client=known_browser)
    known_browser.post("/accounts/logout/")
    fail(3, client=known_browser)

    assert attempt(client=known_browser).status_code == 429


def test_a_known_browser_is_known_for_its_own_user_only(admin, owner):
    known_browser = Client()
    attempt(RIGHT, name="owner", client=known_browser)
    known_browser.post("/accounts/logout/")
    fail(3)

    assert attempt(RIGHT, client=known_browser).status_code == 429


def test_a_forged_cookie_makes_no_known_browser(admin):
    client = Client()
    client.cookies["known_device"] = "0" * 64 + ".abc:1abcde:signature"
    fail(3, client=client)

    assert attempt(client=client).status_code == 429


def test_a_customer_with_many_ipv6_networks_cannot_lock_a_name_out(admin):
    for number in range(throttle.SITE_FACTOR):
        fail(3, address=f"2001:db8:1:{number}::7")

    assert attempt(address="2001:db8:1:ff::7").status_code == 429
    assert attempt(RIGHT, address="2001:db8:2::7").status_code == 302


def test_the_right_password_resets_the_count_of_failures(admin):
    fail(2)
    attempt(RIGHT)

    fail(2)

    assert attempt(RIGHT).status_code == 302


def test_successful_sign_ins_do_not_count(admin, monkeypatch):
    monkeypatch.setattr(throttle, "NETWORK_FACTOR", 1)
    monkeypatch.setattr(throttle, "NAME_FACTOR", 1)
    for _ in range(3 + 1):
        assert attempt(RIGHT).status_code == 302


@pytest.mark.parametrize("spelling", ["ADMIN", " admin", "admin\u00a0", "\uff41\uff44\uff4d\uff49\uff4e"])
def test_every_spelling_of_a_name_counts_as_the_same_name(admin, spelling):
    fail(2, name=spelling)
    fail(1, name="admin")

    assert attempt(RIGHT, name=spelling).status_code == 429
    assert attempt(RIGHT, name="Admin").status_code == 429


def test_entered_names_are_not_stored_in_plain_text(admin):
    fail(1, name="my secret passphrase")

    assert "allauth" in stored_values()
    assert "secret" not in stored_values()


def test_a_header_set_by_the_client_does_not_end_its_wait(admin):
    fail(3)

    assert attempt(**{"X-Forwarded-For": ELSEWHERE}).status_code == 429


def test_behind_a_proxy_the_clients_part_of_the_header_does_not_end_its_wait(admin, settings):
    settings.BEHIND_TLS = True
    fail(3, **{"X-Forwarded-For": "198.51.100.1"})

    assert attempt(**{"X-Forwarded-For": f"{ELSEWHERE}, 198.51.100.1:4711"}).status_code == 429
    assert attempt(RIGHT, **{"X-Forwarded-For": ELSEWHERE}).status_code == 302


def test_the_remaining_wait_counts_down(admin, clock):
    fail(3)
    clock.now += 60

    assert int(attempt()["Retry-After"]) == 240


def test_the_page_after_the_wait_leads_to_the_requested_page(admin):
    fail(3)

    response = Client().post(LOGIN_PAGE, {"username": "admin", "password": WRONG, "next": "/jobs/"})

    assert b'name="next" value="/jobs/"' in response.content


def test_a_throttled_attempt_sends_a_signal(admin):
    received = []

    def receive(sender, request, name, seconds, **kwargs):
        received.append((name, seconds))

    throttle.rejected.connect(receive)
    fail(3)
    attempt(name=" ADMIN")
    throttle.rejected.disconnect(receive)

    assert received == [("admin", 300)]


def test_the_password_for_a_password_change_is_throttled_like_sign_ins(admin):
    client = Client()
    client.force_login(admin)
    form = {"oldpassword": WRONG, "password1": "quite another one", "password2": "quite another one"}
    for _ in range(3):
        assert client.post("/accounts/password/change/", form).status_code == 200

    response = client.post("/accounts/password/change/", form | {"oldpassword": RIGHT})

    assert (response.status_code, response["Retry-After"]) == (429, "300")


@pytest.mark.django_db(transaction=True)
def test_of_many_attempts_at_once_no_more_than_allowed_are_checked():
    User.objects.create_user("admin", password=RIGHT)
    start = Barrier(20)

    def guess(number: int) -> int:
        start.wait(60)
        try:
            return attempt().status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(guess, range(20)))

    assert statuses == [200] * 3 + [429] * 17
