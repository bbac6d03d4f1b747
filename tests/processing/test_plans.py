"""Frequent queries use an index in the required order: no table is scanned, and no rows are sorted.

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


def plan(queryset) -> str:
    if connection.vendor == "postgresql":  # which prefers to scan a table of a few rows
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
    return str(queryset.explain())


def pending():
    return ProcessingJob.objects.filter(state=JobState.PENDING)


@pytest.mark.parametrize(
    ("make_queryset", "index"),
    [
        (lambda album: ProcessingJob.objects.due()[:1], "job_state_turn"),
        (lambda album: pending().order_by("turn").values("pk")[:1], "job_state_turn"),
        pytest.param(
            lambda album: pending().filter(album=album).order_by("-turn").values("pk")[:1],
            "job_album_state_turn",
            marks=pytest.mark.embedded,  # PostgreSQL chooses either of two suitable indexes while the table is empty
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
def test_rows_are_read_from_an_index_in_order(album, make_queryset, index):
    query_plan = plan(make_queryset(album))

    assert index in query_plan
    assert not [
        word for word in ("Seq Scan", "Sort", "TEMP B-TREE", "SCAN processing_processingjob\n") if word in query_plan
    ]


@pytest.mark.embedded  # PostgreSQL decides by the size of tables, which are empty here
def test_the_check_for_a_busy_album_reads_only_the_rows_of_that_album(album):
    query_plan = plan(Batch.objects.active(album))

    assert "batch_album" in query_plan
    assert "Seq Scan" not in query_plan


@pytest.mark.embedded
@pytest.mark.parametrize(
    "make_queryset",
    [lambda: post_write.due()[:1], lambda: post_write.due_companions()[:1]],
    ids=["photos", "companions"],
)
def test_files_to_verify_are_found_by_the_index_of_unverified_files(make_queryset):
    assert "_verified" in plan(make_queryset())


@pytest.mark.embedded  # PostgreSQL chooses either of two suitable indexes while the table is empty
@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (transitions.TURNS, ["job_state_turn", "job_album_state_turn"]),
        (known_files.MATCHES_IN_ALBUM, ["upload_album_state_sha256", "upload_album_name"]),
        (batches.RUNNING, ["upload_album_state_sha256"]),
    ],
    ids=["turns", "known", "running"],
)
def test_the_queries_for_every_file_use_only_indexes(album, query, indexes):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}", {"album": album.pk, "sha256": "0" * 64, "name": "sea.jpg"})
        steps = [detail for *_, detail in cursor.fetchall()]

    tables = [step for step in steps if "processing_" in step or "albums_" in step]
    assert len(tables) == 4
    assert all(step.startswith("SEARCH") for step in tables)
    assert "TEMP B-TREE" not in str(steps)
    assert all(index in str(tables) for index in indexes)


def test_a_turn_is_assigned_by_one_query(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        transitions._next_turn(album.pk)


def test_the_batch_that_keeps_an_album_busy_is_found_by_one_query(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert batches.running_in(album) is None
