"""Measures the largest request body that passes the proxies, and whether chunked bodies pass."""

from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat

from processing.doctor import limits as doctor_limits
from processing.doctor import proxy_hints
from processing.doctor.check_result import CheckResult, bad, good, warning
from processing.doctor.http_probe import NoResponse, ProbeClient, ProbeResponse, zeros

FIRST = 256 << 10
SLOW_SECONDS = 15.0
"""After a body with a longer duration, no larger one is sent: a higher limit does not matter on so slow a connection."""
PRECISION = 32
"""The limit is determined to within 1/PRECISION of its value, or the smallest chunk."""
TITLE = "Max request size"


@dataclass(frozen=True, slots=True)
class LargestBody:
    """The largest body that passed, and the result of the first larger one; None when no limit was found."""

    bytes: int
    rejection: ProbeResponse | NoResponse | None

    @property
    def has_limit(self) -> bool:
        return self.rejection is not None


def narrower(first: LargestBody | None, second: LargestBody | None) -> LargestBody | None:
    """Returns what passes on both routes: the smaller limit, or without a limit, the larger size that was tried."""
    results = [result for result in (first, second) if result]
    limits = [result for result in results if result.has_limit]
    return min(limits, key=_size) if limits else max(results, key=_size, default=None)


def largest(door: ProbeClient) -> LargestBody:
    """Doubles the size until a body is rejected, then searches between the last two sizes."""
    passed, size = 0, FIRST
    while True:
        result = _send(door, size)
        if not _passed(result, size):
            return _search(door, passed, size, result)
        passed, size = size, size * 2
        if size > doctor_limits.MAX_BODY_BYTES or _duration(result) > SLOW_SECONDS:
            return LargestBody(passed, None)


def of_largest(largest: LargestBody, server: str) -> CheckResult:
    size = filesizeformat(largest.bytes)
    if not largest.has_limit:
        return good("body-size", TITLE, f"At least {size} (largest tried).")
    status = largest.rejection.status if isinstance(largest.rejection, ProbeResponse) else 0
    rejection = f"returns {status} for larger ones" if status else "closes the connection on larger ones"
    message = f"A proxy accepts at most {size} per request and {rejection}."
    remedy = proxy_hints.fitting(proxy_hints.TOO_LARGE, server)
    if largest.bytes < doctor_limits.MIN_CHUNK_BYTES:
        return bad("body-limit", TITLE, f"{message} No photo can be uploaded this way.", remedy)
    advice = f"{message} The page adapts; the form without JavaScript and other clients may fail."
    return (bad if largest.bytes < doctor_limits.DEFAULT_CHUNK_BYTES else warning)("body-limit", TITLE, advice, remedy)


def of_chunks(door: ProbeClient, server: str) -> CheckResult:
    """Checks that a body of unknown length passes, as streaming clients send it."""
    result = door.request("POST", lambda: zeros(FIRST), length=None)
    if isinstance(result, ProbeResponse) and result.report and result.report["bytes"] == FIRST:
        return good("chunked", "Chunked requests", "Chunked request bodies arrive intact.")
    outcome = f"status {result.status}" if isinstance(result, ProbeResponse) else f"connection closed: {result.reason}"
    return warning(
        "chunked-lost",
        "Chunked requests",
        f"Chunked request bodies fail ({outcome}). Only streaming clients need them, not the page.",
        "Have clients send Content-Length, or use HTTP/1.1 behind the proxy; in nginx: proxy_http_version 1.1;",
    )


def _search(door: ProbeClient, low: int, high: int, rejection: ProbeResponse | NoResponse) -> LargestBody:
    while high - low > max(doctor_limits.MIN_CHUNK_BYTES, low // PRECISION):
        size = (low + high) // 2 // doctor_limits.MIN_CHUNK_BYTES * doctor_limits.MIN_CHUNK_BYTES
        if not low < size < high:
            break
        result = _send(door, size)
        if _passed(result, size):
            low = size
        else:
            high, rejection = size, result
    return LargestBody(low, rejection)


def _send(door: ProbeClient, size: int) -> ProbeResponse | NoResponse:
    """Sends a body. Repeats it once if the connection was closed: that is only a limit if it happens twice."""
    result = door.request("POST", lambda: zeros(size), size)
    return door.request("POST", lambda: zeros(size), size) if isinstance(result, NoResponse) else result


def _passed(result: ProbeResponse | NoResponse, size: int) -> bool:
    return isinstance(result, ProbeResponse) and result.report is not None and result.report.get("bytes") == size


def _duration(result: ProbeResponse | NoResponse) -> float:
    return result.report["seconds"] if isinstance(result, ProbeResponse) and result.report else result.seconds


def _size(largest: LargestBody) -> int:
    return largest.bytes
