"""A pytest plugin: leaves out on PostgreSQL, Redis and S3 the tests that would only repeat what they do on SQLite and the disk.

Left out there is a test that is marked `embedded` or `once`, and one that can reach neither database nor storage: it has no
access to the database, and asks for none of the fixtures in STORAGE. Tests that start processes of their own always run there,
unless they are marked.

A test may only be marked `once` if nothing that it asks for is about transactions, queries or what is stored.
"""

from collections.abc import Iterable

import pytest

from tests import stack

OWN_PROCESSES = ("browser", "faults", "servers", "long", "smoke")
DATABASE = {"db", "transactional_db"}
STORAGE = {"data_dir", "stored"}
NEVER_ONCE = {
    "transactional_db",
    "stored",
    "django_assert_num_queries",
    "django_assert_max_num_queries",
    "django_capture_on_commit_callbacks",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        check_once(item)
    if stack.IS_ON_SERVERS:
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def is_left_out(item: pytest.Item) -> bool:
    if any(item.get_closest_marker(name) for name in ("embedded", "once")):
        return True
    if any(item.get_closest_marker(name) for name in OWN_PROCESSES):
        return False
    return not uses_database(item) and not STORAGE & asked_for(item)


def check_once(item: pytest.Item) -> None:
    """Refuses the mark where the outcome may well depend on the stack."""
    if not item.get_closest_marker("once"):
        return
    unfit = NEVER_ONCE & asked_for(item)
    if is_transactional(item):
        unfit.add("django_db(transaction=True)")
    if unfit:
        raise pytest.UsageError(f"{item.nodeid} is marked once, but asks for {', '.join(sorted(unfit))}")


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or bool(DATABASE & asked_for(item))


def is_transactional(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return marker is not None and bool(marker.kwargs.get("transaction"))


def asked_for(item: pytest.Item) -> set[str]:
    """All fixtures that the test names, and those that these name in turn; of those used automatically, none of STORAGE."""
    if not isinstance(item, pytest.Function):
        return set()
    info = item._fixtureinfo
    named = {*info.argnames, *used(item)}
    automatic = set(info.initialnames) - named - STORAGE
    found: set[str] = set()
    waiting = [*named, *automatic]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for definition in info.name2fixturedefs.get(name, ()) for each in definition.argnames]
    return found


def used(item: pytest.Item) -> Iterable[str]:
    return (name for marker in item.iter_markers("usefixtures") for name in marker.args)
