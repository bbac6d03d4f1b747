"""What happens to a sender who pauses, and to an answer that takes its time: does a proxy keep bodies back, or hang up?"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from processing.doctor import limits, proxy_hints
from processing.doctor.check_result import Diagnosis, good, warning
from processing.doctor.http_probe import Answer, Door, Silent, zeros

HALF = 128 << 10
LISTEN_SECONDS = 0.1
TITLE_PAUSE, TITLE_LATE, TITLE_BUFFER = "Pauses", "Slow answers", "Bytes on their way"


@dataclass(frozen=True, slots=True)
class Pause:
    """Half a body, a silence, and the other half. `seconds` it lasted; `answer` is what came of it."""

    seconds: float
    answer: Answer | Silent

    @property
    def was_borne(self) -> bool:
        return isinstance(self.answer, Answer) and self.answer.is_whole

    @property
    def was_felt(self) -> bool:
        """Did the probe see the first half before the second was sent?"""
        report = self.answer.report if isinstance(self.answer, Answer) else None
        return bool(report and report["longest_gap"] > self.seconds / 2)


def pause(door: Door, seconds: float) -> Pause:
    """Ends early when the other side does not wait so long."""
    began, fell_silent = time.monotonic(), [0.0]
    answer = door.ask("POST", lambda: _halves(seconds, fell_silent), 2 * HALF)
    borne = isinstance(answer, Answer) and answer.is_whole
    return Pause(seconds if borne else time.monotonic() - (fell_silent[0] or began), answer)


def of_pauses(door: Door, server: str) -> tuple[Diagnosis, ...]:
    """Two findings of one silence; of a shorter one too, where the longest was not borne."""
    longest = pause(door, limits.wait_seconds())
    felt = longest if longest.was_borne else pause(door, longest.seconds / 2)
    return _of_longest(longest, server), _of_buffering(felt, server)


def of_late_answers(door: Door, server: str) -> Diagnosis:
    seconds = limits.wait_seconds()
    answer = door.ask("POST", query=f"late={seconds:.2f}")
    if isinstance(answer, Answer) and answer.is_whole:
        return good("late-answer", TITLE_LATE, f"An answer may take {seconds:.0f} s; nothing longer was tried.")
    met = f"answers {answer.status} itself" if isinstance(answer, Answer) else "hangs up"
    return warning(
        "late-answer-cut",
        TITLE_LATE,
        f"A proxy waits {answer.seconds:.0f} s for an answer, then it {met}. The last part of a large file may take longer.",
        proxy_hints.fitting(proxy_hints.LATE, server),
    )


def _of_longest(found: Pause, server: str) -> Diagnosis:
    if found.was_borne:
        return good("pause", TITLE_PAUSE, f"A sender may pause for {found.seconds:.0f} s; nothing longer was tried.")
    met = f"answers {found.answer.status}" if isinstance(found.answer, Answer) else "hangs up"
    return warning(
        "pause-cut",
        TITLE_PAUSE,
        f"A proxy {met} when a sender pauses for {found.seconds:.0f} s: uploads break off on poor networks.",
        proxy_hints.fitting(proxy_hints.PAUSES, server),
    )


def _of_buffering(found: Pause, server: str) -> Diagnosis:
    if not found.was_borne:
        return warning(
            "buffering-unknown", TITLE_BUFFER, "Pauses are not borne, so it cannot be told whether a proxy buffers."
        )
    return of_buffering(buffers=not found.was_felt, server=server)


def of_buffering(buffers: bool, server: str) -> Diagnosis:
    if not buffers:
        return good("streams", TITLE_BUFFER, "Bytes reach Darkroom while they arrive: what came before a cut is kept.")
    return warning(
        "buffering",
        TITLE_BUFFER,
        "A proxy keeps each request back until it is whole. When a connection breaks, the part on its way is lost and sent "
        "again, progress stands still meanwhile, and every photo is written to the disk once more.",
        proxy_hints.fitting(proxy_hints.BUFFERS, server),
    )


def _halves(seconds: float, fell_silent: list[float]) -> Iterator[bytes]:
    yield from zeros(HALF)
    fell_silent[0] = time.monotonic()
    while time.monotonic() - fell_silent[0] < seconds:
        time.sleep(LISTEN_SECONDS)
        yield b""
    yield from zeros(HALF)
