"""Counts uploads and attempts of jobs, in the caller's transaction: what is rolled back is not counted."""

import os
import socket
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from processing.models import ProcessingJob, states
from processing.models.states import Edge
from processing.models.statistics import EVER, RollupSpan, Statistic
from processing.statistics import durations

COLUMNS = "span, start, process, name, label, bucket, count, total"
UPSERT = """
    INSERT INTO processing_rollup ({columns}) VALUES {rows}
    ON CONFLICT (span, name, start, label, bucket, process) DO UPDATE
    SET count = processing_rollup.count + excluded.count, total = processing_rollup.total + excluded.total
"""
"""Django's bulk_create() can overwrite columns on a conflict, but not add to them."""
ROW = "(%s, %s, %s, %s, %s, %s, %s, %s)"


RESULTS = {
    states.COMPLETE.name: "completed",
    states.RETRY.name: "retried",
    states.GIVE_UP.name: "failed",
    states.RELEASE.name: "released",
    states.CANCEL.name: "cancelled",
    states.DISMISS.name: "dismissed",
}
"""The label of Statistic.JOBS, by the name of the transition. Part of the names of metrics, which do not change."""


DUPLICATE = "duplicate"
"""The label of jobs whose bytes the album has already, which are no failures."""


@dataclass(frozen=True, slots=True, order=True)
class Observation:
    """An amount to add to a counter. See Statistic for the meaning of the fields."""

    name: str
    label: str = ""
    bucket: int = 0
    count: int = 1
    total: int = 0


def job_moved(job: ProcessingJob, edge: Edge, code: str) -> None:
    """Counts the end of an attempt, or of a job. `job` is as it was claimed; `code` is the error's, if there was one.

    Other transitions, such as claims, are not counted.
    """
    if edge.name not in RESULTS:
        return
    now = timezone.now()
    is_duplicate = code in states.IS_A_PHOTO
    observations = [Observation(Statistic.JOBS, DUPLICATE if is_duplicate else RESULTS[edge.name])]
    if code and not is_duplicate:
        observations.append(Observation(Statistic.FAILURES, code))
    if edge.held and job.started_at:
        waited, took = job.started_at - job.run_after, now - job.started_at
        observations += [_duration(Statistic.WAITING, waited), _duration(Statistic.PROCESSING, took)]
    add(observations, now)


def upload_ended(state: str, size: int) -> None:
    """Counts an upload that ended in `state`, with the number of its bytes that were received."""
    add([Observation(Statistic.UPLOADS, state, total=size)], timezone.now())


def queue_sampled(values: dict[str, int], now: datetime) -> None:
    """Counts one sample of each value of the queue, by its label, and of this process's version."""
    samples = [Observation(Statistic.QUEUE, label, total=value) for label, value in values.items()]
    add([*samples, Observation(Statistic.VERSIONS, settings.VERSION)], now, RollupSpan.MINUTE)


def add(observations: Iterable[Observation], now: datetime, *spans: RollupSpan) -> None:
    """Adds to the counters of this process for the current minute and since the installation, in one statement."""
    starts = {RollupSpan.MINUTE: now.replace(second=0, microsecond=0), RollupSpan.EVER: EVER}
    # Sorted, so that two threads of a process lock the rows in the same order.
    ordered = sorted(observations)
    rows = [
        (int(span), adapted(starts[span]), process(), *astuple(observation))
        for span in spans or (RollupSpan.EVER, RollupSpan.MINUTE)
        for observation in ordered
    ]
    upsert(rows)


def upsert(rows: list[tuple[object, ...]]) -> None:
    """Adds rows of COLUMNS to the table: existing counters grow."""
    if rows:
        with connection.cursor() as cursor:
            values: list[Any] = [value for row in rows for value in row]
            cursor.execute(UPSERT.format(columns=COLUMNS, rows=", ".join([ROW] * len(rows))), values)


def adapted(start: datetime) -> object:
    """Returns the time as the database stores it, for upsert()."""
    return connection.ops.adapt_datetimefield_value(start)


@cache
def process() -> str:
    """The name of this process: its host and ID. The same as its name as a worker."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _duration(name: Statistic, duration: timedelta) -> Observation:
    seconds = max(0.0, duration.total_seconds())  # negative if the clock was set back meanwhile
    return Observation(name, bucket=durations.bucket(seconds), total=round(1000 * seconds))
