"""The cache in the database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.cache import cache
from django.db import connection

from config.cache import clear_expired
from config.models import CachedValue

pytestmark = pytest.mark.django_db


def test_a_value_is_cached_until_it_expires():
    cache.set("name", ["beach.jpg", 1], 60)
    cache.set("old", 1, -1)
    cache.set("kept", 2, None)

    assert [cache.get(key, "none") for key in ("name", "old", "kept", "other")] == [
        ["beach.jpg", 1],
        "none",
        2,
        "none",
    ]


def test_setting_a_key_again_replaces_its_value():
    cache.set("name", 1)
    cache.set("name", 2)

    assert cache.get("name") == 2


def test_an_existing_key_is_not_added():
    assert (cache.add("name", 1), cache.add("name", 2), cache.get("name")) == (True, False, 1)


def test_an_expired_key_can_be_added_again():
    cache.set("name", 1, -1)

    assert (cache.add("name", 2), cache.get("name")) == (True, 2)


def test_a_deleted_value_is_gone():
    cache.set("name", 1)

    assert (cache.delete("name"), cache.delete("name"), cache.get("name")) == (True, False, None)


def test_touching_a_key_changes_its_expiry():
    cache.set("name", 1, 60)

    assert (cache.touch("name", -1), cache.touch("name")) == (True, False)


def test_clearing_expired_values_keeps_the_others():
    cache.set("old", 1, -1)
    cache.set("new", 1, 60)

    assert clear_expired() == 1
    assert cache.get("new") == 1
    cache.clear()
    assert CachedValue.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_that_add_a_key_at_once_one_succeeds():
    start = Barrier(8)

    def add(number: int) -> bool:
        start.wait(60)
        try:
            return cache.add("name", number)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(8))) == [False] * 7 + [True]
