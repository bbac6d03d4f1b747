"""Statistics: counters per minute, per hour and since the installation. Only processing/statistics writes them."""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from django.db import models

EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of counters that count since the installation."""


class RollupSpan(IntEnum):
    """The seconds that a counter covers. `EVER` has no end."""

    EVER = 0
    MINUTE = 60
    HOUR = 3600


class Statistic(StrEnum):
    """What is counted, with the meaning of a counter's columns."""

    JOBS = "jobs"
    """Attempts and jobs that ended; `label` is the result."""
    FAILURES = "failures"
    """Attempts that failed; `label` is the error code."""
    WAITING = "waiting"
    """Attempts that began, by the time that they waited for a worker; `bucket` and `total` (ms) are durations."""
    PROCESSING = "processing"
    """Attempts that ended, by the time that they took; `bucket` and `total` (ms) are durations."""
    UPLOADS = "uploads"
    """Uploads that ended; `label` is their state, `total` their bytes."""
    QUEUE = "queue"
    """Samples of the queue; `label` says of what, `total` is the sum of the samples, `count` their number."""
    VERSIONS = "versions"
    """Samples of the worker's version, which is the `label`."""


class Rollup(models.Model):
    """One counter of one process for one span of time.

    Each process counts in rows of its own, so that two processes never wait for each other's transactions. Older rows are merged:
    those of minutes into hours, and those since the installation into one without a process.
    """

    span = models.PositiveSmallIntegerField(choices=[(int(span), span.name.lower()) for span in RollupSpan])
    start = models.DateTimeField()
    process = models.CharField(max_length=100, blank=True, help_text="Host and process ID; empty when merged.")
    name = models.CharField(max_length=20, choices=[(str(name), str(name)) for name in Statistic])
    label = models.CharField(max_length=40, blank=True)
    bucket = models.PositiveSmallIntegerField(default=0, help_text="The index of the duration's upper bound.")
    count = models.PositiveBigIntegerField()
    total = models.PositiveBigIntegerField(help_text="Milliseconds, bytes or the sum of samples.")

    class Meta:
        constraints = [
            # In the order of the charts' queries: one span and statistic from a time on.
            models.UniqueConstraint(
                fields=["span", "name", "start", "label", "bucket", "process"], name="rollup_counted_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label} from {self.start:%Y-%m-%d %H:%M}: {self.count}"
