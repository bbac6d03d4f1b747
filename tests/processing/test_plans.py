"""What is asked all the time is found by an index in the order that is asked for: no table is read, nothing is sorted.

What it costs with ten million rows, `python -m benchmarks.scale` measures.
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


def plan(rows) -> str:
    if connection.vendor == "postgresql":  # which would rather read a table of a few rows
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
            marks=pytest.mark.embedded,  # of two that fit, PostgreSQL takes either while there are no rows
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
def test_it_comes_from_an_index_in_order(album, rows, index):
    told = plan(rows(album))

    assert index in told
    assert not [word for word in ("Seq Scan", "Sort", "TEMP B-TREE", "SCAN processing_processingjob\n") if word in told]


@pytest.mark.embedded  # PostgreSQL goes by the size of tables, which have no rows here
def test_whether_an_album_is_busy_is_asked_of_its_own_rows_alone(album):
    told = plan(Batch.objects.active(album))

    assert "batch_album" in told
    assert "Seq Scan" not in told


@pytest.mark.embedded
@pytest.mark.parametrize(
    "rows", [lambda: post_write.due()[:1], lambda: post_write.due_companions()[:1]], ids=["photos", "companions"]
)
def test_what_is_to_be_read_back_is_found_among_what_was_not(rows):
    assert "_verified" in plan(rows())


@pytest.mark.embedded  # of two indexes that fit, PostgreSQL takes either while there are no rows
@pytest.mark.parametrize(
    ("question", "indexes"),
    [
        (transitions.TURNS, ["job_state_turn", "job_album_state_turn"]),
        (known_files.MATCHES_IN_ALBUM, ["upload_album_state_sha256", "upload_album_name"]),
        (batches.RUNNING, ["upload_album_state_sha256"]),
    ],
    ids=["turns", "known", "running"],
)
def test_what_is_asked_of_every_file_is_found_by_indexes_alone(album, question, indexes):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {question}", {"album": album.pk, "sha256": "0" * 64, "name": "sea.jpg"})
        told = [detail for *_, detail in cursor.fetchall()]

    tables = [line for line in told if "processing_" in line or "albums_" in line]
    assert len(tables) == 4
    assert all(line.startswith("SEARCH") for line in tables)
    assert "TEMP B-TREE" not in str(told)
    assert all(index in str(tables) for index in indexes)


def test_a_turn_is_dealt_with_one_question(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        transitions._next_turn(album.pk)


def test_the_batch_that_keeps_an_album_busy_is_one_query(album, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert batches.running_in(album) is None
