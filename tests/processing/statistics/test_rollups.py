from datetime import UTC, datetime, timedelta

import pytest

from processing.models import Rollup
from processing.models.states import JobState
from processing.models.statistics import RollupSpan, Statistic
from processing.statistics import record, rollups, series
from processing.statistics.record import Observation
from processing.statistics.series import Period
from tests.processing import making

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)


def count_at(start: datetime, label: str = "completed", process: str = "web:1") -> None:
    record.upsert([(int(RollupSpan.MINUTE), record.adapted(start), process, Statistic.JOBS, label, 0, 1, 10)])


def rows(span: RollupSpan) -> list[tuple[datetime, str, str, int, int]]:
    return list(
        Rollup.objects.filter(span=span).order_by("start").values_list("start", "process", "label", "count", "total")
    )


def test_minutes_older_than_a_day_are_merged_into_hours():
    hour = NOW.replace(minute=0) - timedelta(hours=30)
    for minute, process in ((0, "a:1"), (0, "b:2"), (59, "a:1"), (60, "a:1")):
        count_at(hour + timedelta(minutes=minute), process=process)
    count_at(NOW)

    assert rollups.maintain(NOW) == 4
    assert rows(RollupSpan.HOUR) == [
        (hour, "", "completed", 3, 30),
        (hour + timedelta(hours=1), "", "completed", 1, 10),
    ]
    assert rows(RollupSpan.MINUTE) == [(NOW, "web:1", "completed", 1, 10)]


def test_merging_again_changes_nothing():
    count_at(NOW - timedelta(hours=30))
    rollups.maintain(NOW)
    before = rows(RollupSpan.HOUR)

    assert rollups.maintain(NOW) == 0
    assert rows(RollupSpan.HOUR) == before


def test_a_minute_that_is_counted_late_is_added_to_its_hour():
    late = NOW - timedelta(hours=30)
    count_at(late)
    rollups.maintain(NOW)
    count_at(late)
    rollups.maintain(NOW)

    assert [count for *_, count, _ in rows(RollupSpan.HOUR)] == [2]


def test_after_a_long_standstill_the_hours_are_merged_in_several_calls():
    for hours in range(30, 30 + rollups.MAX_HOURS + 2):
        count_at(NOW - timedelta(hours=hours))

    assert rollups.maintain(NOW) == rollups.MAX_HOURS
    assert rollups.maintain(NOW) == 2
    assert rows(RollupSpan.MINUTE) == []


def test_hours_are_deleted_after_a_month():
    count_at(NOW - timedelta(days=31))
    rollups.maintain(NOW)
    assert len(rows(RollupSpan.HOUR)) == 1

    rollups.maintain(NOW + timedelta(days=2))
    assert rows(RollupSpan.HOUR) == []


def test_counters_since_the_installation_are_merged_without_a_loss():
    for number in range(rollups.MAX_PROCESS_ROWS + 1):
        row = (
            int(RollupSpan.EVER),
            record.adapted(record.EVER),
            f"host:{number}",
            Statistic.JOBS,
            "completed",
            0,
            2,
            20,
        )
        record.upsert([row])
    before = series.totals()

    rollups.maintain(NOW)
    record.add([Observation(Statistic.JOBS, "completed")], NOW, RollupSpan.EVER)

    assert before.jobs == {"completed": 2 * (rollups.MAX_PROCESS_ROWS + 1)}
    assert series.totals().jobs == {"completed": 2 * (rollups.MAX_PROCESS_ROWS + 1) + 1}
    assert Rollup.objects.count() == 2


def test_the_queue_is_sampled(album):
    making.job_in(album, JobState.FAILED)
    waiting = making.received(album)

    rollups.sample_queue(waiting.created_at + timedelta(seconds=90))

    point = series.read(Period.HOUR, waiting.created_at + timedelta(seconds=90)).points[-1]
    labels = ("pending", "processing", "failed", "oldest_seconds")
    assert [point.sample(label) for label in labels] == [1, 0, 1, 90]


def test_an_unsampled_minute_has_no_value():
    assert series.read(Period.HOUR, NOW).points[0].sample("pending") is None


@pytest.mark.parametrize(("period", "points"), [(Period.HOUR, 60), (Period.DAY, 96), (Period.MONTH, 120)])
def test_a_period_has_equal_points_up_to_now(period, points):
    count_at(NOW)
    count_at(NOW - period.length - timedelta(minutes=1))
    count_at(NOW - period.length / 2)

    read = series.read(period, NOW)

    assert len(read.points) == points
    assert read.points[-1].jobs == {"completed": 1}
    assert read.jobs == {"completed": 2}
    assert read.points[-1].start <= NOW < read.points[-1].start + timedelta(seconds=period.step_seconds)


def test_a_month_includes_merged_hours():
    count_at(NOW - timedelta(days=3))
    count_at(NOW)
    before = series.read(Period.MONTH, NOW).jobs

    rollups.maintain(NOW)

    assert series.read(Period.MONTH, NOW).jobs == before == {"completed": 2}


@pytest.mark.parametrize("period", Period)
def test_any_period_is_read_by_one_query(period, django_assert_num_queries):
    with django_assert_num_queries(1):
        series.read(period, NOW)
