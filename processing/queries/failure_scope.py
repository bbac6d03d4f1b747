"""The filter behind the failure page and its bulk actions.

There are two kinds of failures: failed jobs, which keep their raw files, and rejected or expired uploads, which keep nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Q, QuerySet, Sum

from albums.models import Album
from processing.jobs import duplicates
from processing.models import Batch, JobQuerySet, ProcessingJob, Upload, UploadQuerySet
from processing.queries.help_texts import NO_ACTION_CODES


class FailureKind(StrEnum):
    FAILED = "failed"
    REJECTED = "refused"


@dataclass(frozen=True, slots=True)
class FailureSelection:
    """The failures that an action applies to."""

    jobs: JobQuerySet
    uploads: UploadQuerySet

    def discardable_by(self, user: AbstractBaseUser | AnonymousUser) -> FailureSelection:
        """Returns the failures that the user may delete: those of albums they may empty and of batches they sent."""
        is_discardable = Q(album__in=Album.objects.emptiable_by(user)) | Q(batch__opened_by=user.pk)
        return FailureSelection(self.jobs.filter(is_discardable), self.uploads.filter(is_discardable))

    def albums(self) -> list[Album]:
        return list(Album.objects.filter(Q(pk__in=self.jobs.values("album")) | Q(pk__in=self.uploads.values("album"))))

    def size(self) -> SelectionSize:
        jobs = self.jobs.aggregate(count=Count("pk"), bytes=Sum("upload__size"))
        return SelectionSize(jobs["count"], self.uploads.count(), jobs["bytes"] or 0)


@dataclass(frozen=True, slots=True)
class SelectionSize:
    failed: int
    rejected: int
    raw_bytes: int

    @property
    def total(self) -> int:
        return self.failed + self.rejected


@dataclass(frozen=True, slots=True)
class FailureScope:
    """The failures in `albums` that match all filters. Without `code` or `is_all`, codes that are no mishaps are left out."""

    albums: QuerySet[Album]
    album: Album | None = None
    batch: Batch | None = None
    kind: FailureKind | None = None
    code: str = ""
    until: datetime | None = None
    """Failures after this time are left out, since the user had not seen them when confirming an action."""
    is_all: bool = False
    """Includes codes that are no mishaps."""

    @property
    def jobs(self) -> JobQuerySet:
        where = self._where("error_code", "finished_at")
        if self.batch:  # a file is not stored twice: its bytes may have failed as part of another batch
            where &= duplicates.failed_of(self.batch)
        failed = ProcessingJob.objects.failed().filter(where)
        return failed.none() if self.kind == FailureKind.REJECTED else failed

    @property
    def uploads(self) -> UploadQuerySet:
        rejected = Upload.objects.ended_badly().filter(self._where("code", "ended_at"))
        rejected = rejected.exclude(duplicates.has_failed())  # duplicates of a failed job, which is listed
        if self.batch:
            rejected = rejected.filter(batch=self.batch)
        return rejected.none() if self.kind == FailureKind.FAILED else rejected

    @property
    def of_all_reasons(self) -> FailureScope:
        return replace(self, kind=None, code="", is_all=True)

    @property
    def fields(self) -> dict[str, str]:
        """The filter as parameters of a query string or form."""
        fields = {
            "album": str(self.album.pk) if self.album else "",
            "batch": str(self.batch.pk) if self.batch else "",
            "kind": self.kind or "",
            "code": self.code,
        }
        return {name: value for name, value in fields.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.fields)

    def all(self) -> FailureSelection:
        return FailureSelection(self.jobs, self.uploads)

    def only(self, jobs: Iterable[int] = (), uploads: Iterable[UUID] = ()) -> FailureSelection:
        return FailureSelection(self.jobs.filter(pk__in=list(jobs)), self.uploads.filter(pk__in=list(uploads)))

    def _where(self, code: str, at: str) -> Q:
        filters = {"album": self.album, code: self.code, f"{at}__lte": self.until}
        where = Q(album__in=self.albums, **{name: value for name, value in filters.items() if value})
        return where if self.code or self.is_all else where & ~Q(**{f"{code}__in": NO_ACTION_CODES})
