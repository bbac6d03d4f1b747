"""Checks whether a proxy buffers bodies, or times out when the client pauses or the response is slow."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from processing.doctor import limits, proxy_hints
from processing.doctor.check_result import CheckResult, good, warning
from processing.doctor.http_probe import NoResponse, ProbeClient, ProbeResponse, zeros

HALF_BYTES = 128 << 10
POLL_SECONDS = 0.1
TITLE_PAUSE, TITLE_LATE, TITLE_BUFFER = "Idle timeout", "Response timeout", "Request buffering"


@dataclass(frozen=True, slots=True)
class Pause:
    """The result of half a body, a pause of `seconds`, and the other half."""

    seconds: float
    answer: ProbeResponse | NoResponse

    @property
    def is_completed(self) -> bool:
        return isinstance(self.answer, ProbeResponse) and self.answer.is_whole

    @property
    def is_passed_on(self) -> bool:
        """True if the probe received the first half before the second was sent."""
        report = self.answer.report if isinstance(self.answer, ProbeResponse) else None
        return bool(report and report["longest_gap"] > self.seconds / 2)


def pause(door: ProbeClient, seconds: float) -> Pause:
    """Sends a body with a pause. Ends early when the server or a proxy does not wait that long."""
    began, paused_at = time.monotonic(), [0.0]
    result = door.request("POST", lambda: _halves(seconds, paused_at), 2 * HALF_BYTES)
    is_whole = isinstance(result, ProbeResponse) and result.is_whole
    return Pause(seconds if is_whole else time.monotonic() - (paused_at[0] or began), result)


def of_pauses(door: ProbeClient, server: str) -> tuple[CheckResult, ...]:
    """Returns two diagnoses of one pause. If it was too long, a shorter one is tried for the second diagnosis."""
    longest = pause(door, limits.wait_seconds())
    completed = longest if longest.is_completed else pause(door, longest.seconds / 2)
    return _pause_diagnosis(longest, server), _buffering_diagnosis(completed, server)


def of_late_answers(door: ProbeClient, server: str) -> CheckResult:
    seconds = limits.wait_seconds()
    result = door.request("POST", query=f"late={seconds:.2f}")
    if isinstance(result, ProbeResponse) and result.is_whole:
        return good("late-answer", TITLE_LATE, f"At least {seconds:.0f} s for a response (longest tried).")
    outcome = f"returns {result.status}" if isinstance(result, ProbeResponse) else "closes the connection"
    return warning(
        "late-answer-cut",
        TITLE_LATE,
        f"A proxy waits {result.seconds:.0f} s for a response, then {outcome}. Finishing a large upload may take longer.",
        proxy_hints.fitting(proxy_hints.LATE, server),
    )


def _pause_diagnosis(tried_pause: Pause, server: str) -> CheckResult:
    if tried_pause.is_completed:
        return good(
            "pause", TITLE_PAUSE, f"Clients may pause for at least {tried_pause.seconds:.0f} s (longest tried)."
        )
    outcome = (
        f"returns {tried_pause.answer.status}"
        if isinstance(tried_pause.answer, ProbeResponse)
        else "closes the connection"
    )
    return warning(
        "pause-cut",
        TITLE_PAUSE,
        f"A proxy {outcome} when a client pauses for {tried_pause.seconds:.0f} s. Uploads fail on poor networks.",
        proxy_hints.fitting(proxy_hints.PAUSES, server),
    )


def _buffering_diagnosis(tried_pause: Pause, server: str) -> CheckResult:
    if not tried_pause.is_completed:
        return warning("buffering-unknown", TITLE_BUFFER, "Unknown, because requests with pauses fail.")
    return of_buffering(buffers=not tried_pause.is_passed_on, server=server)


def of_buffering(buffers: bool, server: str) -> CheckResult:
    if not buffers:
        return good("streams", TITLE_BUFFER, "None. Interrupted uploads keep what was received.")
    return warning(
        "buffering",
        TITLE_BUFFER,
        "A proxy holds each request until it is complete. Interrupted chunks are uploaded again, progress lags, and each "
        "photo is written twice.",
        proxy_hints.fitting(proxy_hints.BUFFERS, server),
    )


def _halves(seconds: float, paused_at: list[float]) -> Iterator[bytes]:
    yield from zeros(HALF_BYTES)
    paused_at[0] = time.monotonic()
    while time.monotonic() - paused_at[0] < seconds:
        time.sleep(POLL_SECONDS)
        yield b""
    yield from zeros(HALF_BYTES)
