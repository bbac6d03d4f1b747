"""A pytest plugin: tests that start processes run first, those with a browser in a row.

Each process of pytest-xdist begins with an equal part of them, and what it waits for leaves time to the others' short tests. A
run therefore ends with short tests, which are easy to divide. The order within each group stays random.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import pytest

Test = TypeVar("Test")
OWN_PROCESSES = ("faults", "servers", "long")


@pytest.hookimpl(trylast=True)  # once the order is random and the markers have selected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    items.sort(key=rank)
    start = next((number for number, item in enumerate(items) if rank(item) == 2), len(items))
    items[:] = deal(items[:start], items[start:], processes)


def rank(item: pytest.Item) -> int:
    """0 for tests with a browser, 1 for others that start processes, 2 for all others."""
    if item.get_closest_marker("browser"):
        return 0
    return 1 if any(item.get_closest_marker(name) for name in OWN_PROCESSES) else 2


def deal(first: Sequence[Test], others: Sequence[Test], processes: int) -> list[Test]:
    """Return the tests in the order of pytest-xdist's worksteal: it gives each process one piece of the list to begin with."""
    total = len(first) + len(others)
    ends = [(len(first) * number // processes, total * number // processes) for number in range(processes + 1)]
    return [
        item
        for (start, piece_start), (end, piece_end) in pairwise(ends)
        for item in (*first[start:end], *others[piece_start - start : piece_end - end])
    ]
