"""The receipt of a batch: the outcome of each of its files, and one sentence on whether the memory card may be formatted.

It is computed from the rows on every request and never stored, since damage may be found later.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, Count, F, QuerySet, Value
from django.db.models.functions import StrIndex

from processing.jobs import grouping
from processing.models import Batch
from processing.models.states import JobState, UploadState
from processing.queries import file_status
from processing.queries.file_status import FileStatus

ITERATOR_CHUNK_SIZE = 500

PHRASES = {
    FileStatus.FAILED: ("failed", "failed"),
    FileStatus.DAMAGED: ("is missing or damaged in storage", "are missing or damaged in storage"),
    FileStatus.REJECTED: ("was rejected", "were rejected"),
    FileStatus.SKIPPED: ("was skipped", "were skipped"),
    FileStatus.EXPIRED: ("is incomplete", "are incomplete"),
    FileStatus.AGAIN: ("was uploaded again", "were uploaded again"),
    FileStatus.CANCELLED: ("was cancelled", "were cancelled"),
    FileStatus.TRASHED: ("is in the trash", "are in the trash"),
    FileStatus.GONE: ("was removed from the album", "were removed from the album"),
    FileStatus.ARRIVING: ("is still uploading", "are still uploading"),
    FileStatus.DEVELOPING: ("is still processing", "are still processing"),
    FileStatus.CHECKING: ("is still being verified", "are still being verified"),
}
"""The phrase for one file and for several, worst first."""

STORED = (FileStatus.VERIFIED, FileStatus.CHECKING)
BETTER_COPY = "Format the card only if it holds no better copy."
PUBLISHED_DAMAGED = (
    "published-damaged",
    "This file was damaged on arrival. What could be decoded is published; the file is stored as uploaded.",
)
DAMAGED = (
    "damaged",
    "A stored file of this photo is missing or damaged. Keep your own copy and tell your administrator.",
)
TRASHED = ("trashed", "In trash. Restore it to keep it.")
GONE = ("gone", "Removed from the album.")
CANCELLED = ("cancelled", "Cancelled.")
SENT_AGAIN = ("again", "Failed here, then uploaded again (upload {batch}).")
DUPLICATE_REASONS = {
    FileStatus.FAILED: "Same file as {name}, which failed: {reason} Fixing that one fixes both.",
    FileStatus.CANCELLED: "Same file as {name}, which was cancelled. Upload it again if you want it.",
    FileStatus.EXPIRED: "Same file as {name}, which is incomplete. Upload it again.",
    FileStatus.REJECTED: "Same file as {name}, which was rejected: {reason}",
}
"""Reasons for duplicates that were not stored, because a file with the same bytes had been sent, but did not become a photo."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A batch's number of files by status."""

    counts: Mapping[FileStatus, int]
    damaged: int = 0
    """Stored files that were published although they were damaged when they arrived."""

    @property
    def total(self) -> int:
        """The number of files without skipped companions, which do not need to be stored."""
        return sum(self.counts.values()) - self.companions

    @property
    def companions(self) -> int:
        return self.counts.get(FileStatus.COMPANION, 0)

    @property
    def verified(self) -> int:
        return self.counts.get(FileStatus.VERIFIED, 0)

    @property
    def groups(self) -> list[tuple[FileStatus, int]]:
        return [(status, count) for status in FileStatus if (count := self.counts.get(status, 0))]

    @property
    def is_safe(self) -> bool:
        return 0 < self.total == self.verified and not self.damaged

    @property
    def is_unsettled(self) -> bool:
        """True if the receipt will change without any user action."""
        return any(self.counts.get(status) for status in file_status.UNSETTLED)

    @property
    def steps(self) -> int:
        """The number of steps done. Each file takes two: it is stored, then read back."""
        remaining_steps = {FileStatus.ARRIVING: 2, FileStatus.DEVELOPING: 2, FileStatus.CHECKING: 1}
        return 2 * self.total - sum(n * self.counts.get(status, 0) for status, n in remaining_steps.items())

    @property
    def all_steps(self) -> int:
        return 2 * self.total

    @property
    def summary(self) -> str:
        """The sentence on whether the memory card may be formatted."""
        if not self.total:
            return "This upload has only companion files." if self.companions else "This upload has no files."
        if self.is_safe:
            files = "The one file is" if self.total == 1 else f"All {self.total} files are"
            return f"{files} stored and verified: safe to format the card."
        if self.damaged and self.total == self.verified:
            return f"All {self.total} of {self.total} are stored and verified. {self._damage} {BETTER_COPY}"
        unverified = ", ".join(
            f"{n} {PHRASES[status][n > 1]}" for status in PHRASES if (n := self.counts.get(status, 0))
        )
        verb = "is" if self.verified == 1 else "are"
        summary = f"{self.verified} of {self.total} {verb} stored and verified. {unverified}."
        return " ".join(filter(None, (summary, self._damage, self._advice)))

    @property
    def _damage(self) -> str:
        if not self.damaged:
            return ""
        verb = "was" if self.damaged == 1 else "were"
        return f"{self.damaged} {verb} damaged on arrival and published anyway."

    @property
    def _advice(self) -> str:
        removed = self.counts.get(FileStatus.TRASHED, 0) + self.counts.get(FileStatus.GONE, 0)
        if self.verified + removed == self.total:
            return "Format the card only if you do not need the missing files."
        return "Do not format the card yet."


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One file. `code` and `reason` explain why it is no photo, or name the photo that it duplicates."""

    upload: UUID
    name: str
    size: int | None
    arrived: int
    sha256: str
    status: FileStatus
    received_at: datetime | None
    verified_at: datetime | None
    photo: int | None
    """The id of the photo with the file's bytes, or of the photo that `companion` belongs to."""
    companion: int | None
    code: str
    reason: str
    note: str
    resent_in: int | None
    """The id of the later batch that contains the same file."""
    job: int | None
    job_state: str
    attempts: int

    @property
    def is_published_damaged(self) -> bool:
        return self.code == PUBLISHED_DAMAGED[0]

    @property
    def is_arriving(self) -> bool:
        return self.status == FileStatus.ARRIVING

    @property
    def is_bad(self) -> bool:
        return self.status in (FileStatus.FAILED, FileStatus.DAMAGED)

    @property
    def tone(self) -> str:
        """The style of the status on the page: good, busy, bad or plain."""
        if self.status in file_status.UNSETTLED:
            return "busy"
        return "bad" if self.is_bad else "good" if self.status == FileStatus.VERIFIED else "plain"

    @property
    def can_be_retried(self) -> bool:
        return self.status == FileStatus.FAILED and self.job is not None

    @property
    def label(self) -> str:
        """The label of the status; for a job that is not done, that of the job's state."""
        if self.status == FileStatus.DEVELOPING and self.job_state:
            return JobState(self.job_state).label
        return str(self.status.label)


def build(batch: Batch) -> Receipt:
    """Returns the batch's receipt, from one query."""
    rows = file_status.files(batch).order_by().values_list("status", "is_published_damaged").annotate(n=Count("pk"))
    counts: Counter[FileStatus] = Counter()
    damaged = 0
    for status, is_damaged, n in rows:
        counts[FileStatus(status)] += n
        damaged += n if is_damaged and status in STORED else 0
    return Receipt(counts, damaged)


def lines(files: QuerySet[Any], counts: Counter[FileStatus] | None = None) -> Iterator[ReceiptLine]:
    """Yields the lines of `file_status.files()` or a slice of it, in constant memory.

    Each line is added to `counts`. A Receipt made of these counts agrees with the lines, even if rows change meanwhile.
    """
    for row in files.values(*FIELDS).iterator(ITERATOR_CHUNK_SIZE):
        line = _line(row)
        if counts is not None:
            counts[line.status] += 1
        yield line


def worst_first(files: QuerySet[Any]) -> QuerySet[Any]:
    """Sorts `file_status.files()`: problems first, verified files last."""
    statuses = " ".join((*PHRASES, FileStatus.VERIFIED, FileStatus.COMPANION))
    # The position in a text, because a CASE would compute the status once for each of its branches.
    rank = StrIndex(Value(statuses, output_field=CharField()), F("status"))
    return files.order_by(rank, "created_at", "pk")


FIELDS = (
    *("pk", "name", "size", "arrived", "sha256", "state", "code", "message", "note", "ended_at"),
    *("status", "stored", "companion_photo", "companion", "verified_at", "resent_in"),
    *("job__pk", "job__state", "job__attempts", "job__error_code", "job__error_message"),
    *("is_published_damaged", "twin", "twin_code", "twin_trouble"),
)


def _line(row: dict[str, Any]) -> ReceiptLine:
    code, reason = _reason(row)
    return ReceiptLine(
        upload=row["pk"],
        name=row["name"],
        size=row["size"],
        arrived=row["arrived"],
        sha256=row["sha256"],
        status=FileStatus(row["status"]),
        received_at=row["ended_at"] if row["state"] == UploadState.RECEIVED else None,
        verified_at=row["verified_at"],
        photo=row["stored"] or row["companion_photo"],
        companion=row["companion"],
        code=code,
        reason=reason,
        note=_note(row),
        resent_in=row["resent_in"],
        job=row["job__pk"],
        job_state=row["job__state"] or "",
        attempts=row["job__attempts"] or 0,
    )


def _note(row: dict[str, Any]) -> str:
    is_alone = row["companion"] and not row["stored"] and not row["companion_photo"]
    return grouping.note(row["note"], is_alone=bool(is_alone))


def _reason(row: dict[str, Any]) -> tuple[str, str]:
    code, message = row["code"] or row["job__error_code"] or "", row["message"] or row["job__error_message"] or ""
    match row["status"]:
        case FileStatus.DAMAGED:
            return DAMAGED
        case FileStatus.TRASHED:
            return TRASHED
        case FileStatus.GONE:
            return GONE
        case FileStatus.AGAIN:
            return SENT_AGAIN[0], SENT_AGAIN[1].format(batch=row["resent_in"])
        case FileStatus.VERIFIED | FileStatus.CHECKING if row["is_published_damaged"]:
            return PUBLISHED_DAMAGED
        case status if row["twin"] and status in DUPLICATE_REASONS:
            reason = DUPLICATE_REASONS[status].format(name=row["twin"], reason=row["twin_trouble"] or "")
            return row["twin_code"] or code, reason
        case FileStatus.CANCELLED if not message:
            return CANCELLED
    return code, message
