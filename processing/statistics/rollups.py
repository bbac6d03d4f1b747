"""Samples the queue, and merges and deletes old counters, so that their number does not depend on the number of jobs.

Called with the sweep, by one worker per minute.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from processing.lib import row_counts
from processing.models import ProcessingJob, Rollup
from processing.models.states import JobState
from processing.models.statistics import EVER, RollupSpan, Statistic
from processing.statistics import record

MINUTES_KEPT = timedelta(hours=26)
"""Longer than a day, so that the chart of the last day has a point for each minute."""
HOURS_KEPT = timedelta(days=32)
HOUR = timedelta(hours=1)
MAX_HOURS = 48
"""The number of hours that one call merges."""
MAX_PROCESS_ROWS = 500
"""Counters of processes since the installation are merged when there are more."""


def sample_queue(now: datetime) -> None:
    """Records the length of the queue, the age of its oldest job, the number of failed jobs, and this worker's version."""
    jobs = ProcessingJob.objects
    record.queue_sampled(
        {
            "pending": row_counts.count(jobs.filter(state=JobState.PENDING)),
            "processing": row_counts.count(jobs.in_work()),
            "failed": row_counts.count(jobs.failed()),
            "oldest_seconds": jobs.all().oldest_pending_seconds(now),
        },
        now,
    )


def maintain(now: datetime) -> int:
    """Merges minutes older than MINUTES_KEPT into hours, and deletes hours older than HOURS_KEPT.

    Also merges the counters of processes since the installation, when there are many. Returns the number of rows that are gone.
    """
    gone = sum(_merge_hour(hour) for hour in _hours_before(now - MINUTES_KEPT))
    gone += Rollup.objects.filter(span=RollupSpan.HOUR, start__lt=now - HOURS_KEPT).delete()[0]
    ever = Rollup.objects.filter(span=RollupSpan.EVER)
    if ever.exclude(process="").count() > MAX_PROCESS_ROWS:
        gone += _merge(ever, RollupSpan.EVER, EVER)
    return gone


def _hours_before(cutoff: datetime) -> Iterable[datetime]:
    """Yields the hours before `cutoff` for which there are minutes, oldest first."""
    end = cutoff.replace(minute=0, second=0, microsecond=0)
    for _ in range(MAX_HOURS):
        minutes = Rollup.objects.filter(span=RollupSpan.MINUTE, start__lt=end)
        # One statistic at a time, in the order of the index: otherwise the oldest minute would be searched in all rows.
        first = (
            minutes.filter(name=name).order_by("start").values_list("start", flat=True).first() for name in Statistic
        )
        oldest = [start for start in first if start]
        if not oldest:
            return
        yield min(oldest).replace(minute=0, second=0, microsecond=0)


def _merge_hour(hour: datetime) -> int:
    return _merge(
        Rollup.objects.filter(span=RollupSpan.MINUTE, start__gte=hour, start__lt=hour + HOUR), RollupSpan.HOUR, hour
    )


def _merge(rows: QuerySet[Rollup], span: RollupSpan, start: datetime) -> int:
    """Replaces `rows` by their sums over all processes, and returns how many there were.

    The rows are locked while they are read: a process that counts meanwhile waits, and then begins a new row.
    """
    with transaction.atomic():
        merged: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
        locked = list(rows.select_for_update().order_by("pk"))
        for row in locked:
            sums = merged[row.name, row.label, row.bucket]
            sums[0] += row.count
            sums[1] += row.total
        Rollup.objects.filter(pk__in=[row.pk for row in locked]).delete()
        record.upsert([(int(span), record.adapted(start), "", *key, *sums) for key, sums in sorted(merged.items())])
    return len(locked)
