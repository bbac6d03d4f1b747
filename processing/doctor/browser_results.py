"""Reads a browser's measurements (static/js/elements/limits-meter.js) from form fields. An invalid field counts as missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPMessage

from processing.doctor import limits, proxy_passthrough, request_size, timeouts
from processing.doctor.check_result import CheckResult
from processing.doctor.http_probe import NoResponse, ProbeResponse
from processing.doctor.request_size import LargestBody

MAX_SERVER_LENGTH = 60


@dataclass(frozen=True, slots=True)
class BrowserResults:
    largest: LargestBody | None
    diagnoses: tuple[CheckResult, ...]


def read(fields: Mapping[str, str]) -> BrowserResults:
    size = _number(fields, "largest", limits.MAX_BODY_BYTES)
    largest = None if size is None else LargestBody(size, _rejection(fields))
    return BrowserResults(largest, tuple(_diagnoses(fields, largest)))


def _diagnoses(fields: Mapping[str, str], largest: LargestBody | None) -> Iterator[CheckResult]:
    server = fields.get("server", "")[:MAX_SERVER_LENGTH]
    if largest is not None:
        yield request_size.of_largest(largest, server)
    if (buffers := fields.get("buffers")) in ("yes", "no"):
        yield timeouts.of_buffering(buffers == "yes", server)
    if now := _number(fields, "now", 1 << 53):
        yield proxy_passthrough.of_clock({"now": now / 1000}, "this browser's")


def _rejection(fields: Mapping[str, str]) -> ProbeResponse | NoResponse | None:
    """Returns the result of the first body that was too large: a status, or 0 for a closed connection. None if all passed."""
    status = _number(fields, "refusal", 999)
    if status is None:
        return None
    return ProbeResponse(status, HTTPMessage(), None, 0) if status else NoResponse(0, "")


def _number(fields: Mapping[str, str], name: str, max_value: int) -> int | None:
    raw = fields.get(name, "")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 17 and int(raw) <= max_value else None
