"""The failure desk: everything that failed, grouped by reason. However much that is, a page costs the same few queries."""

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
from processing.queries.failure_scope import Kind, Scope
from processing.queries.help_texts import Advice

A_PAGE = 50
LONGEST_ENDING = 5
ENDS = (states.RETRY.name, states.GIVE_UP.name, states.RELEASE.name)
"""Moves that end an attempt."""
SHUT_DOWN = "The worker was shut down; this one does not count."


@dataclass(frozen=True, slots=True)
class Reason:
    """All files, on whatever page, that have one code."""

    kind: Kind
    code: str
    count: int

    @property
    def is_kept(self) -> bool:
        """Their raw files are still there."""
        return self.kind == Kind.FAILED

    @property
    def is_mishap(self) -> bool:
        return self.code not in help_texts.NO_MISHAP

    @property
    def advice(self) -> Advice:
        return help_texts.of_failed(self.code) if self.is_kept else help_texts.of_refused(self.code)

    @property
    def slug(self) -> str:
        return f"{self.kind}-{self.code}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `id` is its job's, or, if there was none, its upload's."""

    reason: Reason
    id: str
    name: str
    album: Album
    batch: int
    size: int | None
    message: str
    at: datetime | None
    attempts: int = 0
    moments: tuple[Moment, ...] = ()
    has_preview: bool = False
    photo: Photo | None = None

    @property
    def can_be_published(self) -> bool:
        """Damaged, and something can be seen of it."""
        return self.reason.is_kept and self.reason.code in states.CAN_BE_PUBLISHED and self.has_preview

    @property
    def ending(self) -> str:
        """Of the name, to show where there is no picture."""
        ending = PurePath(self.name).suffix[1:]
        return ending if len(ending) <= LONGEST_ENDING else ""


@dataclass(frozen=True, slots=True)
class Section:
    """The files of one reason that are on this page."""

    reason: Reason
    entries: list[Entry]

    @property
    def is_all(self) -> bool:
        return len(self.entries) == self.reason.count


@dataclass(frozen=True, slots=True)
class Desk:
    scope: Scope
    reasons: list[Reason]
    """Those there are."""
    looked_at: list[Reason]
    """Those that the page is about."""
    page: Page[int]
    """Of the files' numbers."""
    sections: list[Section]

    @property
    def total(self) -> int:
        return sum(reason.count for reason in self.reasons if reason.is_mishap)

    @property
    def shown(self) -> int:
        """On all pages, of the reason that is looked at."""
        return self.page.paginator.count

    @property
    def kept(self) -> int:
        """Of those, how many can be retried."""
        return sum(reason.count for reason in self.looked_at if reason.is_kept)


def of(scope: Scope, page: str | None = None) -> Desk:
    reasons = _reasons(scope.of_all_reasons)
    looked_at = [reason for reason in reasons if _is_in(scope, reason)]
    numbers = Paginator(range(sum(reason.count for reason in looked_at)), A_PAGE).get_page(page)
    entries = _Listing(scope, looked_at).entries(numbers.start_index() - 1, numbers.end_index()) if numbers else []
    sections = [Section(reason, list(files)) for reason, files in groupby(entries, key=lambda entry: entry.reason)]
    return Desk(scope, reasons, looked_at, numbers, sections)


def _is_in(scope: Scope, reason: Reason) -> bool:
    return scope.kind in (None, reason.kind) and (reason.is_mishap if not scope.code else scope.code == reason.code)


def _reasons(scope: Scope) -> list[Reason]:
    """What is kept comes first, since something can be done about it; then the most frequent. No mishaps come last."""
    failed = scope.jobs.order_by().values_list("error_code").annotate(n=Count("pk"))
    refused = scope.uploads.order_by().values_list("code").annotate(n=Count("pk"))
    reasons = [Reason(Kind.FAILED, *row) for row in failed] + [Reason(Kind.REFUSED, *row) for row in refused]
    return sorted(reasons, key=lambda each: (not each.is_mishap, not each.is_kept, -each.count, each.code))


class _Listing:
    """The files of these reasons in the reasons' order, one after the other from two tables."""

    def __init__(self, scope: Scope, reasons: list[Reason]) -> None:
        self._scope = scope
        self._reasons = {(reason.kind, reason.code): reason for reason in reasons}

    def entries(self, start: int, stop: int) -> list[Entry]:
        kept = sum(reason.count for reason in self._reasons.values() if reason.is_kept)
        jobs = self._jobs()[min(start, kept) : min(stop, kept)]
        uploads = self._uploads()[max(start - kept, 0) : max(stop - kept, 0)]
        return [*map(self._of_job, jobs), *map(self._of_upload, uploads)]

    def _jobs(self) -> QuerySet[ProcessingJob]:
        # The preview's row is joined, and only asked whether it is there: its bytes are for the browser to fetch.
        jobs = self._scope.jobs.annotate(preview_at=F("preview__made_at")).select_related("album", "upload")
        return jobs.prefetch_related("events").order_by(self._rank("error_code"), "-finished_at", "-pk")

    def _uploads(self) -> QuerySet[Upload]:
        uploads = self._scope.uploads.select_related("album", "duplicate_of")
        return uploads.order_by(self._rank("code"), "-ended_at", "-pk")

    def _rank(self, field: str) -> Case:
        whens = [When(**{field: code}, then=Value(rank)) for rank, (_, code) in enumerate(self._reasons)]
        return Case(*whens, default=Value(len(whens)), output_field=IntegerField())

    def _reason(self, kind: Kind, code: str) -> Reason:
        """One that came up since they were counted has this file at least."""
        return self._reasons.get((kind, code)) or Reason(kind, code, 1)

    def _of_job(self, job: ProcessingJob) -> Entry:
        return Entry(
            reason=self._reason(Kind.FAILED, job.error_code),
            id=str(job.pk),
            name=job.original_filename,
            album=job.album,
            batch=job.batch_id,
            size=job.upload.size,
            message=job.error_message,
            at=job.finished_at,
            attempts=job.attempts,
            moments=timeline(job.events.all()),
            has_preview=job.preview_at is not None,  # type: ignore[attr-defined]
        )

    def _of_upload(self, upload: Upload) -> Entry:
        return Entry(
            reason=self._reason(Kind.REFUSED, upload.code),
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
class Moment:
    at: datetime
    title: str
    words: str


def timeline(events: Iterable[JobEvent]) -> tuple[Moment, ...]:
    """What happened to one job, in words: its events without those that only say that an attempt began, in their order.

    Old ones may have been forgotten by the sweep.
    """
    return tuple(_moments(events))


def _moments(events: Iterable[JobEvent]) -> Iterator[Moment]:
    attempt = 0
    for event in events:
        if event.edge == states.CLAIM.name:
            attempt = event.attempt  # the event that ends it may tell one less: not every attempt counts
        elif event.edge in ENDS:
            yield Moment(event.at, f"Attempt {attempt or event.attempt}", event.detail or SHUT_DOWN)
        elif event.edge == states.REQUEUE.name:
            yield Moment(event.at, "Retried", f"by {event.by}" if event.by else "")
        elif event.edge == "create":
            yield Moment(event.at, "Received", "")
