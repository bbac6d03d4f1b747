"""Guessing passwords has to wait; nobody waits for ever, and nobody for somebody else elsewhere."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.utils import timezone

from config import failures, throttle
from config.models import FailedSignIn
from tests.servers import Redis

pytestmark = pytest.mark.django_db

DOORS = ["/accounts/login/"]
WRONG, RIGHT = "a poor guess", "a fine password"
ELSEWHERE = "203.0.113.9"


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.servers)], autouse=True)
def place(request, settings) -> str:
    """Where failures are remembered: everything holds for both."""
    settings.REDIS_URL = request.getfixturevalue("kept_redis").url if request.param == "redis" else ""
    return request.param


@pytest.fixture(scope="module")
def kept_redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    yield server
    failures._redis(server.url).close()
    failures._redis.cache_clear()
    server.stop()


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Stands still: only `pass_time` makes a failure older."""
    now = timezone.now()
    for module in (throttle, failures):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: now))


@pytest.fixture(autouse=True)
def limits(settings, place):
    settings.LOGIN_ATTEMPTS, settings.LOGIN_SECONDS = 3, 300
    if place == "redis":
        failures._redis(settings.REDIS_URL).flushall()


def attempt(password: str = WRONG, name: str = "admin", door: str = DOORS[0], address: str = "127.0.0.1", **headers):
    form = {"username": name, "password": password}
    return Client().post(door, form, REMOTE_ADDR=address, headers=headers)


def fail(times: int, **more) -> None:
    assert {attempt(**more).status_code for _ in range(times)} == {200}


def pass_time(seconds: float) -> None:
    for row in FailedSignIn.objects.all():
        row.at -= timedelta(seconds=seconds)
        row.save()
    for key, failure in in_redis():
        failures._redis(settings.REDIS_URL).zincrby(key, -seconds, failure)


def remembered() -> list[str]:
    """Each failure once, with all that is known of it."""
    rows = [str(row) for row in FailedSignIn.objects.values_list("network", "name_hash", "at")]
    return rows + sorted({f"{key} {failure}" for key, failure in in_redis() if key.endswith("127.0.0.1")})


def in_redis() -> list[tuple[str, str]]:
    if not settings.REDIS_URL:
        return []
    redis = failures._redis(settings.REDIS_URL)
    return [(str(key), str(failure)) for key in redis.scan_iter() for failure in redis.zrange(key, 0, -1)]


@pytest.mark.parametrize("door", DOORS)
def test_too_many_wrong_passwords_have_to_wait_and_are_told_how_long(admin, door):
    fail(3, door=door)

    answer = attempt(door=door)

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) == 300
    assert b"Wait 5 minutes, then try again; nothing is locked for good." in answer.content


@pytest.mark.parametrize("door", DOORS)
def test_the_right_password_waits_too_or_guessing_would_go_on(admin, door):
    fail(3)

    assert attempt(RIGHT, door=door).status_code == 429


def test_the_wait_ends_by_itself_and_trying_does_not_prolong_it(admin):
    fail(3)
    pass_time(299)
    assert attempt().status_code == 429
    pass_time(2)

    assert attempt(RIGHT).status_code == 302


def test_what_no_longer_counts_is_forgotten(admin):
    fail(2)
    pass_time(301)
    fail(1)

    assert len(remembered()) == 1


def test_the_name_is_free_from_elsewhere(admin):
    fail(3)

    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_others_of_the_same_network_may_sign_in(admin, owner):
    fail(3)

    assert attempt(RIGHT, name="owner").status_code == 302


def test_a_network_that_tries_many_names_has_to_wait(admin):
    for number in range(3 * throttle.NAMES_A_NETWORK):
        fail(1, name=f"guess-{number}")

    assert attempt(RIGHT).status_code == 429
    assert attempt(RIGHT, address=ELSEWHERE).status_code == 302


def test_who_knows_the_password_after_all_starts_afresh(admin):
    fail(2)
    attempt(RIGHT)

    fail(2)

    assert attempt(RIGHT).status_code == 302


def test_a_name_is_the_same_however_it_is_written(admin):
    fail(2, name="ADMIN")
    fail(1, name="admin")

    assert attempt(RIGHT, name="Admin").status_code == 429


def test_typed_names_are_not_kept_in_words(admin):
    fail(1, name="my secret passphrase")

    assert remembered()
    assert "secret" not in str(remembered())


def test_a_header_that_anybody_can_send_frees_nobody(admin):
    fail(3)

    assert attempt(**{"X-Forwarded-For": ELSEWHERE}).status_code == 429


def test_behind_a_proxy_the_senders_own_part_of_the_header_frees_nobody(admin, settings):
    settings.BEHIND_TLS = True
    fail(3, **{"X-Forwarded-For": "198.51.100.1"})

    assert attempt(**{"X-Forwarded-For": f"{ELSEWHERE}, 198.51.100.1"}).status_code == 429
    assert attempt(RIGHT, **{"X-Forwarded-For": ELSEWHERE}).status_code == 302


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
    ],
)
def test_a_customers_addresses_are_one_network(address, network):
    assert throttle.network(RequestFactory().get("/", REMOTE_ADDR=address)) == network


def test_a_minute_from_now_it_is_a_minute_less(admin):
    fail(3)
    pass_time(60)

    assert int(attempt()["Retry-After"]) == 240


def test_the_page_after_the_wait_leads_where_it_was_meant_to(admin):
    fail(3)

    answer = Client().post(DOORS[0], {"username": "admin", "password": WRONG, "next": "/jobs/"})

    assert b'name="next" value="/jobs/"' in answer.content


def test_only_the_time_within_the_horizon_counts(admin):
    fail(3)
    pass_time(3600)

    assert attempt(RIGHT).status_code == 302


def test_while_redis_is_away_guessing_still_has_to_wait(admin, settings, place):
    settings.REDIS_URL = "redis://127.0.0.1:1/0" if place == "redis" else ""
    fail(3)

    assert attempt(RIGHT).status_code == 429
    assert FailedSignIn.objects.count() == 3
