"""The order of tests."""

from typing import Any, cast

import pytest

from tests.support import order

FIRST, OTHERS = [f"first {number}" for number in range(7)], [f"other {number}" for number in range(20)]


class Item:
    def __init__(self, name: str, *markers: str) -> None:
        self.name, self.markers = name, markers

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.markers else None


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_each_process_begins_with_its_part_of_the_first_tests(processes: int) -> None:
    dealt = order.deal(FIRST, OTHERS, processes)

    pieces = [
        dealt[len(dealt) * number // processes : len(dealt) * (number + 1) // processes] for number in range(processes)
    ]
    assert [name for piece in pieces for name in piece if name in FIRST] == FIRST
    assert [name for piece in pieces for name in piece if name in OTHERS] == OTHERS
    for piece in pieces:
        firsts = [name in FIRST for name in piece]
        assert firsts == sorted(firsts, reverse=True)
        assert sum(firsts) in (7 // processes, 7 // processes + 1)


def test_tests_with_a_browser_run_in_a_row_before_other_processes_and_short_tests() -> None:
    items = [
        Item("short"),
        Item("disk full", "faults"),
        Item("viewer", "browser", "servers"),
        Item("also short"),
        Item("grid", "browser", "smoke"),
        Item("nginx", "servers"),
    ]

    order.pytest_collection_modifyitems(cast(Any, object()), cast(Any, items))

    assert [item.name for item in items] == ["viewer", "grid", "disk full", "nginx", "short", "also short"]
