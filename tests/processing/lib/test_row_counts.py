"""Few rows are counted; of very many PostgreSQL is asked for its estimate."""

import pytest
from django.db import connection

from albums.models import Album
from processing.lib import row_counts
from processing.lib.row_counts import Count

pytestmark = pytest.mark.django_db


@pytest.fixture
def albums(monkeypatch) -> int:
    monkeypatch.setattr(row_counts, "EXACT", 10)
    Album.objects.bulk_create(Album(title=str(number)) for number in range(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return 500


def test_few_are_counted(albums):
    count = row_counts.count(Album.objects.filter(title__in=["1", "2"]))

    assert (count, count.is_exact, count.text) == (2, True, "2")


def test_very_many_are_estimated_where_that_can_be(albums):
    count = row_counts.count(Album.objects.all())

    assert count == albums
    assert count.is_exact == (connection.vendor != "postgresql")


def test_an_estimate_is_told_as_one():
    assert Count(1_234_567, is_exact=False).text == "about 1,234,567"
