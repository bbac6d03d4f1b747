"""The report of an album's latest batch, in one line for the panel. The batch's page has the details."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone

from albums.models import Album
from processing.models import Batch
from processing.models.states import JobState
from processing.queries import file_outcome
from processing.queries.file_outcome import FileOutcome
from processing.queries.help_texts import RETRY_IS_USELESS

CLEAN_REPORT_TIME = timedelta(minutes=2)
"""How long after its end a batch without problems is reported to a page that is opened."""


@dataclass(frozen=True, slots=True)
class Report:
    """The number of files by outcome, as in the list of batches, but without problems that were dismissed."""

    batch: int | None = None
    """None if there is nothing to report."""
    added: int = 0
    kept: int = 0
    failed: int = 0
    rejected: int = 0
    duplicates: int = 0
    elsewhere: int = 0
    """Files that were not uploaded because other albums have them."""
    cancelled: int = 0
    resent: int = 0
    skipped: int = 0
    companions: int = 0
    noted: int = 0
    """Accepted files with a warning."""
    retryable: int = 0
    """Failed files that retrying may help."""

    @property
    def problems(self) -> int:
        return self.failed + self.rejected

    @property
    def headline(self) -> str:
        """The photos and problems; if there are none, everything else."""
        return self._headline or self._remarks

    @property
    def remarks(self) -> str:
        """Everything that needs no attention and is not in the headline."""
        return self._remarks if self._headline else ""

    @property
    def _headline(self) -> str:
        return _phrases({"photo{s} added": self.added, "problem{s}": self.problems})

    @property
    def _remarks(self) -> str:
        counts = {
            "already in this album": self.duplicates,
            "in other albums": self.elsewhere,
            "cancelled": self.cancelled,
            "uploaded again": self.resent,
            "related file{s}": self.kept,
            "skipped": self.skipped,
            "companion file{s} skipped": self.companions,
            "warning{s}": self.noted,
        }
        return _phrases(counts)


def build(album: Album, since: datetime | None = None) -> Report:
    """Returns the report of the latest batch; an empty one if that batch was dismissed.

    Without problems, the report is also empty some time after the batch has ended, unless that was after `since`, the time of
    the page's last response: a page that was open sees the report, and the next visit does not.
    """
    batch = Batch.objects.filter(album=album).order_by("-pk").first()
    if batch is None or batch.dismissed_at:
        return Report()
    rows = _rows(batch)
    report = _report(batch, rows)
    ends = [end for row in rows for end in (row["upload_ended_at"], row["job_ended_at"]) if end]
    is_old = bool(ends) and max(ends) < min(since or timezone.now(), timezone.now() - CLEAN_REPORT_TIME)
    return Report() if is_old and not report.problems else report


def _phrases(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {phrase.format(s='s' * (n != 1))}" for phrase, n in counts.items() if n)


def _rows(batch: Batch) -> list[dict[str, Any]]:
    is_retryable = Q(job__state=JobState.FAILED) & ~Q(job__error_code__in=RETRY_IS_USELESS)
    has_note = ~Q(note="") | Q(job__companion__isnull=False, job__companion__photo=None)
    uploads = file_outcome.with_outcome(batch.uploads.all()).order_by().values("outcome")
    return list(
        uploads.annotate(
            files=Count("pk"),
            undismissed=Count("pk", filter=Q(dismissed_at=None)),
            retryable=Count("pk", filter=is_retryable),
            noted=Count("pk", filter=has_note),
            upload_ended_at=Max("ended_at"),
            job_ended_at=Max("job__finished_at"),
        )
    )


def _report(batch: Batch, rows: list[dict[str, Any]]) -> Report:
    counts = Counter({row["outcome"]: row["files"] for row in rows})
    undismissed = Counter({row["outcome"]: row["undismissed"] for row in rows})
    return Report(
        batch=batch.pk,
        added=counts[FileOutcome.ADDED],
        kept=counts[FileOutcome.KEPT],
        failed=undismissed[FileOutcome.FAILED] + undismissed[FileOutcome.FAILED_DUPLICATE],
        rejected=undismissed[FileOutcome.REJECTED] + undismissed[FileOutcome.EXPIRED],
        duplicates=counts[FileOutcome.DUPLICATE],
        elsewhere=counts[FileOutcome.ELSEWHERE],
        cancelled=counts[FileOutcome.CANCELLED],
        resent=counts[FileOutcome.RESENT],
        skipped=counts[FileOutcome.SKIPPED],
        companions=counts[FileOutcome.COMPANION],
        noted=sum(row["noted"] for row in rows if row["outcome"] in (FileOutcome.ADDED, FileOutcome.KEPT)),
        retryable=sum(row["retryable"] for row in rows if row["outcome"] == FileOutcome.FAILED),
    )
