"""The limits page's context: the last measurements, and the current use of staging."""

from dataclasses import dataclass
from datetime import datetime

from processing.doctor import check_result, limits, measurements, request_size, site_url
from processing.doctor.check_result import CheckResult, CheckState
from processing.maintenance import reclaim
from processing.maintenance.reclaim import StagingContents


@dataclass(frozen=True, slots=True)
class CheckGroup:
    title: str
    note: str
    diagnoses: tuple[CheckResult, ...]

    @property
    def problems(self) -> tuple[CheckResult, ...]:
        return tuple(diagnosis for diagnosis in self.diagnoses if not diagnosis.is_good)

    @property
    def passed(self) -> tuple[CheckResult, ...]:
        return tuple(diagnosis for diagnosis in self.diagnoses if diagnosis.is_good)


@dataclass(frozen=True, slots=True)
class StagingSegment:
    """One segment of the staging bar. `begin` and `width` are percentages of the whole bar."""

    kind: str
    name: str
    note: str
    bytes: int
    begin: float
    width: float


SEGMENTS = (
    ("receiving", "Uploading", "in progress"),
    ("waiting", "Queued", "to be processed"),
    ("failed", "Failed", "waiting for review"),
    ("idle", "Stalled", "no data for 5 minutes"),
    ("stray", "Orphaned", "left over"),
)
MIN_WIDTH = 0.5
"""The least width of a segment that is not empty, in percent, so that it is visible."""
HOLD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DiagnosticsPage:
    address: str
    chunk_bytes: int
    largest_body: int | None
    has_limit: bool
    """True if a larger body was rejected; False if none was tried."""
    measured_at: datetime | None
    is_measuring: bool
    groups: tuple[CheckGroup, ...]
    staging: StagingContents
    initial_bytes: int = request_size.FIRST
    min_bytes: int = limits.MIN_CHUNK_BYTES
    max_bytes: int = limits.MAX_BODY_BYTES

    @property
    def hold_seconds(self) -> float:
        return min(HOLD_SECONDS, limits.wait_seconds())

    @property
    def segments(self) -> tuple[StagingSegment, ...]:
        """The segments of the staging bar. The whole bar is the quota, or the bytes in staging if they exceed it."""
        bar_bytes, begin, parts = max(self.staging.total, self.staging.quota, 1), 0.0, []
        for kind, name, note in SEGMENTS:
            size: int = getattr(self.staging, kind)
            width = max(MIN_WIDTH, 100 * size / bar_bytes) if size else 0.0
            parts.append(StagingSegment(kind, name, note, size, begin, width))
            begin += parts[-1].width
        return tuple(parts)

    @property
    def failed_count(self) -> int:
        return self._count(CheckState.BAD)

    @property
    def warning_count(self) -> int:
        return self._count(CheckState.WARNING)

    def _count(self, state: CheckState) -> int:
        return sum(diagnosis.state == state for group in self.groups for diagnosis in group.diagnoses)


def current() -> DiagnosticsPage:
    # Before last(): if the measurement ends between the two queries, the page still polls for its result.
    running = measurements.running()
    last, last_passed = measurements.last(), measurements.last_that_passed()
    sections = (
        (
            ("From your browser", "like uploads from the page", last.browser),
            ("From the server", f"through {last.address}", last.door),
            ("System", "disk, memory, workers, image decoders, database", last.inside),
        )
        if last
        else ()
    )
    return DiagnosticsPage(
        address=site_url.own(),
        chunk_bytes=measurements.chunk_bytes(),
        largest_body=last_passed.largest_body if last_passed else None,
        has_limit=bool(last_passed and last_passed.has_limit),
        measured_at=last.ended_at if last else None,
        is_measuring=running is not None,
        groups=tuple(CheckGroup(title, note, _worst_first(rows)) for title, note, rows in sections if rows),
        staging=reclaim.current(),
    )


def _worst_first(rows: list[dict[str, str]]) -> tuple[CheckResult, ...]:
    order = (CheckState.BAD, CheckState.WARNING, CheckState.GOOD)
    return tuple(sorted(check_result.from_json(rows), key=lambda diagnosis: order.index(diagnosis.state)))
