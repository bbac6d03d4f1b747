"""A pytest plugin: skips tests on PostgreSQL, Redis and S3 that would only repeat what they do on SQLite and the local disk.

It deselects tests that are marked `embedded` or `once`, and those that reach neither database nor storage: they have no access
to the database, and request none of the fixtures in STORAGE. Tests that start their own processes always run, unless they are
marked.

A test may only be marked `once` if none of its fixtures is about transactions, queries or stored files.
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
        deselected = [item for item in items if is_deselected(item)]
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in set(deselected)]


def is_deselected(item: pytest.Item) -> bool:
    if any(item.get_closest_marker(name) for name in ("embedded", "once")):
        return True
    if any(item.get_closest_marker(name) for name in OWN_PROCESSES):
        return False
    return not uses_database(item) and not STORAGE & requested_fixtures(item)


def check_once(item: pytest.Item) -> None:
    """Reject the mark `once` on a test that may depend on the stack."""
    if not item.get_closest_marker("once"):
        return
    unfit = NEVER_ONCE & requested_fixtures(item)
    if is_transactional(item):
        unfit.add("django_db(transaction=True)")
    if unfit:
        raise pytest.UsageError(f"{item.nodeid} is marked once, but asks for {', '.join(sorted(unfit))}")


def uses_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("django_db") is not None or bool(DATABASE & requested_fixtures(item))


def is_transactional(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return marker is not None and bool(marker.kwargs.get("transaction"))


def requested_fixtures(item: pytest.Item) -> set[str]:
    """Return the fixtures that the test requests, directly or through others; without automatic ones in STORAGE."""
    if not isinstance(item, pytest.Function):
        return set()
    info = item._fixtureinfo
    named = {*info.argnames, *used_fixtures(item)}
    automatic = set(info.initialnames) - named - STORAGE
    fixtures: set[str] = set()
    queue = [*named, *automatic]
    while queue:
        name = queue.pop()
        if name not in fixtures:
            fixtures.add(name)
            queue += [
                argument for definition in info.name2fixturedefs.get(name, ()) for argument in definition.argnames
            ]
    return fixtures


def used_fixtures(item: pytest.Item) -> Iterable[str]:
    return (name for marker in item.iter_markers("usefixtures") for name in marker.args)
