"""Few rows are counted. For very many rows, PostgreSQL's estimate is used."""

import pytest
from django.db import connection

from albums.models import Album
from processing.lib import row_counts
from processing.lib.row_counts import Count

pytestmark = pytest.mark.django_db


@pytest.fixture
def many_albums(monkeypatch) -> int:
    monkeypatch.setattr(row_counts, "EXACT", 10)
    Album.objects.bulk_create(Album(title=str(number)) for number in range(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return 500


def test_few_rows_are_counted(many_albums):
    count = row_counts.count(Album.objects.filter(title__in=["1", "2"]))

    assert (count, count.is_exact, count.text) == (2, True, "2")


def test_very_many_rows_are_estimated_on_postgresql(many_albums):
    count = row_counts.count(Album.objects.all())

    assert count == many_albums
    assert count.is_exact == (connection.vendor != "postgresql")


def test_an_estimate_is_shown_as_about_a_number():
    assert Count(1_234_567, is_exact=False).text == "about 1,234,567"
