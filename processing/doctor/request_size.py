"""How large a body passes the front door, and in what form: found by sending growing ones."""

from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat

from processing.doctor import limits as doctor_limits
from processing.doctor import proxy_hints
from processing.doctor.check_result import Diagnosis, bad, good, warning
from processing.doctor.http_probe import Answer, Door, Silent, zeros

FIRST = 256 << 10
SLOW_SECONDS = 15.0
"""Who took so long for one body gets no larger one: what is not known of it does not matter on such a line."""
GRAIN = 32
"""The limit is found to within this fraction of itself, or the least part."""
TITLE = "Largest request"


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest body that passed, and what the one above it met; nothing, when no limit was met."""

    bytes: int
    refusal: Answer | Silent | None

    @property
    def has_limit(self) -> bool:
        return self.refusal is not None


def narrower(one: Largest | None, other: Largest | None) -> Largest | None:
    """Of two ways in, what passes both: the smaller limit, or, without any, the larger of what was tried."""
    known = [each for each in (one, other) if each]
    limits = [each for each in known if each.has_limit]
    return min(limits, key=_size) if limits else max(known, key=_size, default=None)


def largest(door: Door) -> Largest:
    """Growing bodies until one is refused, then between the two."""
    passed, size = 0, FIRST
    while True:
        answer = _sent(door, size)
        if not _passed(answer, size):
            return _between(door, passed, size, answer)
        passed, size = size, size * 2
        if size > doctor_limits.LARGEST or _seconds(answer) > SLOW_SECONDS:
            return Largest(passed, None)


def of_largest(found: Largest, server: str) -> Diagnosis:
    size = filesizeformat(found.bytes)
    if not found.has_limit:
        return good("body-size", TITLE, f"Requests of {size} pass; nothing larger was tried.")
    status = found.refusal.status if isinstance(found.refusal, Answer) else 0
    how = f"answers {status} to larger ones" if status else "ends the connection of larger ones"
    words = f"A proxy in front of Darkroom takes at most {size} a request, and {how}."
    remedy = proxy_hints.fitting(proxy_hints.TOO_LARGE, server)
    if found.bytes < doctor_limits.LEAST:
        return bad("body-limit", TITLE, f"{words} No photo can be sent that way.", remedy)
    part = f"{words} The page sends parts that fit, but its form without JavaScript and other programs may not."
    return (bad if found.bytes < doctor_limits.PREFERRED else warning)("body-limit", TITLE, part, remedy)


def of_chunks(door: Door, server: str) -> Diagnosis:
    """A body whose length is not told beforehand, as streaming clients send it."""
    answer = door.ask("POST", lambda: zeros(FIRST), length=None)
    if isinstance(answer, Answer) and answer.report and answer.report["bytes"] == FIRST:
        return good("chunked", "Bodies of unknown length", "Chunked bodies arrive whole.")
    met = f"Answered {answer.status}" if isinstance(answer, Answer) else f"The connection ended ({answer.reason})"
    return warning(
        "chunked-lost",
        "Bodies of unknown length",
        f"Chunked bodies do not pass. {met}. Only programs that stream need them; the page does not.",
        "Let them tell Content-Length, or let the proxy speak HTTP/1.1 to Darkroom; in nginx: proxy_http_version 1.1;",
    )


def _between(door: Door, low: int, high: int, refusal: Answer | Silent) -> Largest:
    while high - low > max(doctor_limits.LEAST, low // GRAIN):
        size = (low + high) // 2 // doctor_limits.LEAST * doctor_limits.LEAST
        if not low < size < high:
            break
        answer = _sent(door, size)
        if _passed(answer, size):
            low = size
        else:
            high, refusal = size, answer
    return Largest(low, refusal)


def _sent(door: Door, size: int) -> Answer | Silent:
    """A connection that ends may be a limit, or an accident: only what happens twice counts."""
    answer = door.ask("POST", lambda: zeros(size), size)
    return door.ask("POST", lambda: zeros(size), size) if isinstance(answer, Silent) else answer


def _passed(answer: Answer | Silent, size: int) -> bool:
    return isinstance(answer, Answer) and answer.report is not None and answer.report.get("bytes") == size


def _seconds(answer: Answer | Silent) -> float:
    return answer.report["seconds"] if isinstance(answer, Answer) and answer.report else answer.seconds


def _size(found: Largest) -> int:
    return found.bytes
