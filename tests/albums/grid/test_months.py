"""The months of an album."""

from datetime import date

import pytest

from albums.grid import months
from albums.grid.months import Month
from tests.albums.grid.filling import fill, taken

pytestmark = pytest.mark.django_db


def test_months_are_those_of_the_camera_in_the_order_of_the_album(album):
    first = fill(album, 2, taken_at=taken("2025-12-31T23:30"))
    second = fill(album, 3, taken_at=taken("2025-12-31T23:30"), taken_offset_minutes=60)
    undated = fill(album, 1)

    address = f"/albums/{album.pk}/?from="
    assert months.months(album) == [
        Month(date(2025, 12, 1), 2, f"{address}{first[0].position}"),
        Month(date(2026, 1, 1), 3, f"{address}{second[0].position}"),
        Month(None, 1, f"{address}{undated[0].position}"),
    ]


def test_months_take_one_query(album, django_assert_num_queries):
    fill(album, 3, taken_at=taken("2025-12-31T23:30"))
    fill(album, 3, taken_at=taken("2020-02-29T12:00"))

    with django_assert_num_queries(1):
        assert [month.photo_count for month in months.months(album)] == [3, 3]
