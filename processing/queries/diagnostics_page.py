"""The limits page's context: the last measurements, and the current use of staging."""

from dataclasses import dataclass
from datetime import datetime

from processing.doctor import check_result, limits, measurements, request_size, site_url
from processing.doctor.check_result import Diagnosis, State
from processing.maintenance import reclaim
from processing.maintenance.reclaim import Staging


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    note: str
    diagnoses: tuple[Diagnosis, ...]

    @property
    def troubles(self) -> tuple[Diagnosis, ...]:
        return tuple(diagnosis for diagnosis in self.diagnoses if not diagnosis.is_good)

    @property
    def fine(self) -> tuple[Diagnosis, ...]:
        return tuple(diagnosis for diagnosis in self.diagnoses if diagnosis.is_good)


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of the staging bar. `begin` and `width` are percentages of the whole bar."""

    kind: str
    name: str
    note: str
    bytes: int
    begin: float
    width: float


PARTS = (
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
class Limits:
    address: str
    chunk_bytes: int
    largest_body: int | None
    has_limit: bool
    """True if a larger body was refused; False if none was tried."""
    measured_at: datetime | None
    is_measuring: bool
    groups: tuple[Group, ...]
    staging: Staging
    first_bytes: int = request_size.FIRST
    least_bytes: int = limits.LEAST
    most_bytes: int = limits.LARGEST

    @property
    def hold_seconds(self) -> float:
        return min(HOLD_SECONDS, limits.wait_seconds())

    @property
    def parts(self) -> tuple[Part, ...]:
        """The segments of the staging bar. The whole bar is the quota, or the bytes in staging if they exceed it."""
        bar_bytes, begin, parts = max(self.staging.total, self.staging.quota, 1), 0.0, []
        for kind, name, note in PARTS:
            size: int = getattr(self.staging, kind)
            width = max(MIN_WIDTH, 100 * size / bar_bytes) if size else 0.0
            parts.append(Part(kind, name, note, size, begin, width))
            begin += parts[-1].width
        return tuple(parts)

    @property
    def bad(self) -> int:
        return self._count(State.BAD)

    @property
    def warnings(self) -> int:
        return self._count(State.WARNING)

    def _count(self, state: State) -> int:
        return sum(diagnosis.state == state for group in self.groups for diagnosis in group.diagnoses)


def of_now() -> Limits:
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
    return Limits(
        address=site_url.own(),
        chunk_bytes=measurements.chunk_bytes(),
        largest_body=last_passed.largest_body if last_passed else None,
        has_limit=bool(last_passed and last_passed.has_limit),
        measured_at=last.ended_at if last else None,
        is_measuring=running is not None,
        groups=tuple(Group(title, note, _worst_first(rows)) for title, note, rows in sections if rows),
        staging=reclaim.of_now(),
    )


def _worst_first(rows: list[dict[str, str]]) -> tuple[Diagnosis, ...]:
    order = (State.BAD, State.WARNING, State.GOOD)
    return tuple(sorted(check_result.from_json(rows), key=lambda diagnosis: order.index(diagnosis.state)))
