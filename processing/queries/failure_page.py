"""The failure page: all failures grouped by reason, from a number of queries that does not depend on how many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import PurePath

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, IntegerField, QuerySet, Value, When

from albums.models import Album, Photo
from processing.models import JobEvent, ProcessingJob, Upload, states
from processing.queries import help_texts
from processing.queries.failure_scope import FailureKind, FailureScope
from processing.queries.help_texts import Advice

PAGE_SIZE = 50
MAX_SUFFIX_LENGTH = 5
ATTEMPT_ENDS = (states.RETRY.name, states.GIVE_UP.name, states.RELEASE.name)
"""Transitions that end an attempt."""
SHUTDOWN_MESSAGE = "The worker was shut down. This attempt does not count."


@dataclass(frozen=True, slots=True)
class Reason:
    """The files with one error code, on all pages."""

    kind: FailureKind
    code: str
    count: int

    @property
    def is_kept(self) -> bool:
        """True if the raw files are kept."""
        return self.kind == FailureKind.FAILED

    @property
    def is_mishap(self) -> bool:
        return self.code not in help_texts.NO_ACTION_CODES

    @property
    def advice(self) -> Advice:
        return help_texts.for_failed(self.code) if self.is_kept else help_texts.for_rejected(self.code)

    @property
    def slug(self) -> str:
        return f"{self.kind}-{self.code}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One file. `id` is that of its job, or of its upload if it has no job."""

    reason: Reason
    id: str
    name: str
    album: Album
    batch: int
    size: int | None
    message: str
    at: datetime | None
    attempts: int = 0
    history: tuple[HistoryEntry, ...] = ()
    has_preview: bool = False
    photo: Photo | None = None

    @property
    def can_be_published(self) -> bool:
        """True if the file is damaged but has a preview."""
        return self.is_damaged and self.has_preview

    @property
    def is_damaged(self) -> bool:
        return self.reason.is_kept and self.reason.code in states.CAN_BE_PUBLISHED

    @property
    def ending(self) -> str:
        """The file name's suffix, shown instead of a preview."""
        suffix = PurePath(self.name).suffix[1:]
        return suffix if len(suffix) <= MAX_SUFFIX_LENGTH else ""


@dataclass(frozen=True, slots=True)
class Section:
    """The files of one reason on this page."""

    reason: Reason
    entries: list[Failure]

    @property
    def is_all(self) -> bool:
        return len(self.entries) == self.reason.count


@dataclass(frozen=True, slots=True)
class FailurePage:
    scope: FailureScope
    reasons: list[Reason]
    """The reasons to filter by: all in the albums, without those that are no mishaps unless the filter asks for them."""
    matching: list[Reason]
    """The reasons that match the filter."""
    page: Page[int]
    """The page of file numbers; a number is a position in the filtered list."""
    sections: list[Section]

    @property
    def total(self) -> int:
        """The number of problems: the sum of the reasons' counts, without files that are no mishaps."""
        return sum(reason.count for reason in self.reasons if reason.is_mishap)

    @property
    def shown(self) -> int:
        """The number of files that match the filter, on all pages."""
        return self.page.paginator.count

    @property
    def retryable_count(self) -> int:
        """The number of these files that can be retried."""
        return sum(reason.count for reason in self.matching if reason.is_kept)

    @property
    def may_retry_help(self) -> bool:
        return any(reason.is_kept and reason.advice.retry_may_help for reason in self.matching)


def build(scope: FailureScope, page: str | None = None) -> FailurePage:
    reasons = _reasons(scope.of_all_reasons)
    matching = [reason for reason in reasons if _matches(scope, reason)]
    numbers = Paginator(range(sum(reason.count for reason in matching)), PAGE_SIZE).get_page(page)
    entries = _Listing(scope, matching).entries(numbers.start_index() - 1, numbers.end_index()) if numbers else []
    sections = [Section(reason, list(files)) for reason, files in groupby(entries, key=lambda entry: entry.reason)]
    shown = [reason for reason in reasons if reason.is_mishap or reason.code == scope.code]
    return FailurePage(scope, shown, matching, numbers, sections)


def _matches(scope: FailureScope, reason: Reason) -> bool:
    return scope.kind in (None, reason.kind) and (reason.is_mishap if not scope.code else scope.code == reason.code)


def _reasons(scope: FailureScope) -> list[Reason]:
    """Returns all reasons: first those that keep their files, then the most frequent. Reasons that are no mishaps come last."""
    failed = scope.jobs.order_by().values_list("error_code").annotate(n=Count("pk"))
    rejected = scope.uploads.order_by().values_list("code").annotate(n=Count("pk"))
    reasons = [Reason(FailureKind.FAILED, *row) for row in failed] + [
        Reason(FailureKind.REJECTED, *row) for row in rejected
    ]
    return sorted(reasons, key=lambda reason: (not reason.is_mishap, not reason.is_kept, -reason.count, reason.code))


class _Listing:
    """The files of these reasons, in the order of the reasons: first jobs, then uploads."""

    def __init__(self, scope: FailureScope, reasons: list[Reason]) -> None:
        self._scope = scope
        self._reasons = {(reason.kind, reason.code): reason for reason in reasons}

    def entries(self, start: int, stop: int) -> list[Failure]:
        job_count = sum(reason.count for reason in self._reasons.values() if reason.is_kept)
        jobs = self._jobs()[min(start, job_count) : min(stop, job_count)]
        uploads = self._uploads()[max(start - job_count, 0) : max(stop - job_count, 0)]
        return [*map(self._job_entry, jobs), *map(self._upload_entry, uploads)]

    def _jobs(self) -> QuerySet[ProcessingJob]:
        # The join only tests whether a preview exists. Its bytes are not loaded: the browser requests them.
        jobs = self._scope.jobs.annotate(preview_at=F("preview__made_at")).select_related("album", "upload")
        return jobs.prefetch_related("events").order_by(self._rank("error_code"), "-finished_at", "-pk")

    def _uploads(self) -> QuerySet[Upload]:
        uploads = self._scope.uploads.select_related("album", "duplicate_of")
        return uploads.order_by(self._rank("code"), "-ended_at", "-pk")

    def _rank(self, field: str) -> Case:
        branches = [When(**{field: code}, then=Value(rank)) for rank, (_, code) in enumerate(self._reasons)]
        return Case(*branches, default=Value(len(branches)), output_field=IntegerField())

    def _reason(self, kind: FailureKind, code: str) -> Reason:
        """Returns the reason, or a new one with a count of 1 if it appeared after the reasons were counted."""
        return self._reasons.get((kind, code)) or Reason(kind, code, 1)

    def _job_entry(self, job: ProcessingJob) -> Failure:
        return Failure(
            reason=self._reason(FailureKind.FAILED, job.error_code),
            id=str(job.pk),
            name=job.original_filename,
            album=job.album,
            batch=job.batch_id,
            size=job.upload.size,
            message=job.error_message,
            at=job.finished_at,
            attempts=job.attempts,
            history=timeline(job.events.all()),
            has_preview=job.preview_at is not None,  # type: ignore[attr-defined]
        )

    def _upload_entry(self, upload: Upload) -> Failure:
        return Failure(
            reason=self._reason(FailureKind.REJECTED, upload.code),
            id=str(upload.pk),
            name=upload.name,
            album=upload.album,
            batch=upload.batch_id,
            size=upload.size,
            message=upload.message,
            at=upload.ended_at,
            photo=upload.duplicate_of,
        )


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    at: datetime
    title: str
    text: str


def timeline(events: Iterable[JobEvent]) -> tuple[HistoryEntry, ...]:
    """Returns the history of one job for its page, in order of time. Events that only start an attempt are left out.

    Old events may be missing, since the sweep deletes them.
    """
    return tuple(_moments(events))


def _moments(events: Iterable[JobEvent]) -> Iterator[HistoryEntry]:
    attempt = 0
    for event in events:
        if event.edge == states.CLAIM.name:
            attempt = event.attempt  # the event that ends it may have one less, since interrupted attempts do not count
        elif event.edge in ATTEMPT_ENDS:
            yield HistoryEntry(event.at, f"Attempt {attempt or event.attempt}", event.detail or SHUTDOWN_MESSAGE)
        elif event.edge == states.REQUEUE.name:
            yield HistoryEntry(event.at, "Retried", f"by {event.by}" if event.by else "")
        elif event.edge == "create":
            yield HistoryEntry(event.at, "Uploaded", "")
