"""A value that is cached for some seconds, and loaded by one thread at a time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace

import pytest

from processing.lib import cached_value
from processing.lib.cached_value import CachedValue

pytestmark = pytest.mark.once

DEADLINE_SECONDS = 60


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(cached_value, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_a_value_is_loaded_again_when_its_time_is_over(clock):
    value = CachedValue(iter(range(9)).__next__)

    first, clock.now = value.get(3), clock.now + 3
    second, clock.now = value.get(3), clock.now + 0.1

    assert (first, second, value.get(3)) == (0, 0, 1)


def test_a_cleared_value_is_loaded_again(clock):
    value = CachedValue(iter(range(9)).__next__)
    value.get(3)

    value.clear()

    assert (value.last, value.get(3), value.last) == (None, 1, 1)


def test_after_an_error_the_last_value_is_kept_and_the_next_call_loads(clock):
    results = iter((1, 0, 2))
    value = CachedValue(lambda: 1 // next(results))
    value.get(3)
    clock.now += 4

    with pytest.raises(ZeroDivisionError):
        value.get(3)

    assert (value.last, value.get(3)) == (1, 0)


def test_while_one_thread_loads_the_others_get_the_last_value(clock):
    is_loading, may_finish = Event(), Event()
    values = iter(("old", "new"))

    def load() -> str:
        value = next(values)
        if value == "new":
            is_loading.set()
            assert may_finish.wait(DEADLINE_SECONDS)
        return value

    value = CachedValue(load)
    value.get(3)
    clock.now += 4
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(value.get, 3)
        assert is_loading.wait(DEADLINE_SECONDS)
        meanwhile = value.get(3)
        may_finish.set()

        assert (meanwhile, loading.result(DEADLINE_SECONDS), value.get(3)) == ("old", "new", "new")


@pytest.mark.parametrize("is_first", [True, False])
def test_threads_share_one_load_if_there_is_no_recent_value(clock, is_first):
    loads, is_loading, may_finish = [], Event(), Event()

    def load() -> int:
        loads.append(len(loads))
        if is_first or len(loads) > 1:
            is_loading.set()
            assert may_finish.wait(DEADLINE_SECONDS)
        return loads[-1]

    value = CachedValue(load)
    if not is_first:
        value.get(3)
        clock.now += 3600
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(value.get, 3)
        assert is_loading.wait(DEADLINE_SECONDS)
        second = pool.submit(value.get, 3)
        may_finish.set()

        results = {first.result(DEADLINE_SECONDS), second.result(DEADLINE_SECONDS)}
    assert results == {loads[-1]}
    assert len(loads) == 2 - is_first
