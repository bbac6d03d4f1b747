"""Query plans: frequent queries use an index in the required order, without scanning a table or sorting.

`python -m benchmarks.scale` measures their cost with ten million rows.
"""

import pytest
from django.db import connection

from albums.models import Album
from processing.integrity import post_write
from processing.jobs import transitions
from processing.models import Batch, ProcessingJob
from processing.models.states import JobState
from processing.uploads import batches, known_files

pytestmark = pytest.mark.django_db


def query_plan(rows) -> str:
    if connection.vendor == "postgresql":  # PostgreSQL prefers to scan a table of a few rows
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
    return str(rows.explain())


def pending():
    return ProcessingJob.objects.filter(state=JobState.PENDING)


@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (lambda album: ProcessingJob.objects.due()[:1], "job_state_turn"),
        (lambda album: pending().order_by("turn").values("pk")[:1], "job_state_turn"),
        pytest.param(
            lambda album: pending().filter(album=album).order_by("-turn").values("pk")[:1],
            "job_album_state_turn",
            marks=pytest.mark.embedded,  # of two indexes that fit, PostgreSQL takes either while there are no rows
        ),
        (lambda album: pending().order_by("created_at")[:1], "job_state_created"),
        (lambda album: ProcessingJob.objects.failed().order_by("-finished_at")[:50], "job_state_finished"),
        (lambda album: Batch.objects.all()[:50], "batch_opened"),
        pytest.param(
            lambda album: Batch.objects.filter(finished_at=None).order_by("pk")[:50],
            "batch_unfinished",
            marks=pytest.mark.embedded,  # as above
        ),
        (lambda album: Album.objects.all()[:60], "album_created"),
    ],
)
def test_frequent_queries_read_an_index_in_order(album, rows, index):
    plan = query_plan(rows(album))

    assert index in plan
    assert not [word for word in ("Seq Scan", "Sort", "TEMP B-TREE", "SCAN processing_processingjob\n") if word in plan]


@pytest.mark.embedded  # PostgreSQL decides by the size of tables, which have no rows here
def test_whether_an_album_is_busy_is_read_from_its_own_rows_only(album):
    plan = query_plan(Batch.objects.active(album))

    assert "batch_album" in plan
    assert "Seq Scan" not in plan


@pytest.mark.embedded
@pytest.mark.parametrize(
    "rows", [lambda: post_write.due()[:1], lambda: post_write.due_companions()[:1]], ids=["photos", "companions"]
)
def test_rows_to_be_read_back_are_found_by_an_index_of_unverified_ones(rows):
    assert "_verified" in query_plan(rows())


@pytest.mark.embedded  # of two indexes that fit, PostgreSQL takes either while there are no rows
@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (transitions.TURNS, ["job_state_turn", "job_album_state_turn"]),
        (known_files.MATCHES_IN_ALBUM, ["upload_album_state_sha256", "upload_album_name"]),
        (batches.RUNNING, ["upload_album_state_sha256"]),
    ],
    ids=["turns", "known", "running"],
)
def test_statements_run_for_every_file_use_only_indexes(album, statement, indexes):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", {"album": album.pk, "sha256": "0" * 64, "name": "sea.jpg"})
        plan = [detail for *_, detail in cursor.fetchall()]

    tables = [line for line in plan if "processing_" in line or "albums_" in line]
    assert len(tables) == 4
    assert all(line.startswith("SEARCH") for line in tables)
    assert "TEMP B-TREE" not in str(plan)
    assert all(index in str(tables) for index in indexes)


def test_assigning_a_turn_takes_one_query(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        transitions._next_turn(album.pk)


def test_finding_the_batch_that_keeps_an_album_busy_takes_one_query(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert batches.running_in(album) is None
