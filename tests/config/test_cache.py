"""Django's cache in Redis: it remembers, and while Redis is away it is as if it were empty."""

import pytest

from config.cache import Cache
from config.queue import REDIS_TIMEOUTS

pytestmark = pytest.mark.servers


def cache_at(url: str) -> Cache:
    return Cache(url, {"OPTIONS": REDIS_TIMEOUTS})


def test_what_was_set_is_there(redis):
    cache = cache_at(redis.url)
    cache.set("name", "beach.jpg", 60)
    cache.set_many({"one": 1, "two": 2})

    assert (cache.get("name"), cache.get_many(["one", "two"]), cache.has_key("three")) == (
        "beach.jpg",
        {"one": 1, "two": 2},
        False,
    )


def test_while_redis_is_away_it_is_empty_and_nobody_is_troubled(redis):
    cache = cache_at(redis.url)
    cache.set("name", "beach.jpg", 60)
    redis.stop()

    cache.set("other", 1)
    cache.delete("name")
    cache.set_many({"one": 1})
    cache.delete_many(["one"])

    assert (cache.get("name", "none"), cache.get_many(["name"]), cache.has_key("name")) == ("none", {}, False)
    assert (cache.add("name", 1), cache.touch("name"), cache.clear()) == (True, False, False)
