"""Django's cache in Redis: it remembers, and while Redis is away it is as if it were empty."""

import os
import pickle
from pathlib import Path

import pytest

from config.cache import Cache
from config.queue import REDIS_TIMEOUTS

pytestmark = pytest.mark.servers


class Trap:
    """A pickle of this makes the folder that it names, when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


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


def test_what_this_installation_has_not_signed_is_not_there_and_never_unpickled(redis, tmp_path, caplog):
    cache = cache_at(redis.url)
    cache.set("name", ["beach.jpg", None, 1.5], 60)
    raw = cache._cache.get_client("name", write=True)
    signed = raw.get(cache.make_key("name"))
    forged = {
        "pickle": pickle.dumps(Trap(tmp_path / "trap")),
        "other": signed[:-1] + b"?",
        "json": b'["x"]',
        "bytes": b"\xff",
    }
    for name, value in forged.items():
        raw.set(cache.make_key(name), value)

    assert b"beach" not in signed
    assert cache.get("name") == ["beach.jpg", None, 1.5]
    assert [cache.get(name, "nothing") for name in forged] == ["nothing"] * len(forged)
    assert cache.get_many(["name", "pickle"]) == {}
    assert not (tmp_path / "trap").exists()
    assert "has not signed" in caplog.text


def test_whole_numbers_can_be_counted(redis):
    cache = cache_at(redis.url)
    cache.set("count", 1)

    assert (cache.incr("count"), cache.get("count"), cache.get("yes", True)) == (2, 2, True)
