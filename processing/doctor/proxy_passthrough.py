"""Checks what passes the proxies unchanged: methods, headers, statuses and the address; also TLS and the clocks."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from processing.doctor import proxy_hints
from processing.doctor.check_result import CheckResult, bad, good, warning
from processing.doctor.http_probe import MARK, NoResponse, ProbeClient, ProbeResponse

TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Offset": "4711",
    "Upload-Length": "12345678901",
    "Upload-Checksum": "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    "Upload-Metadata": "filename SU1HXzEuSlBH",
    "X-CSRFToken": "passes",
}
METHODS = ("HEAD", "PATCH", "DELETE")
STATUSES = (409, 410, 412, 460)
"""Statuses of the tus endpoint that a proxy may replace with its own error pages."""
MIN_CERTIFICATE_DAYS = 14
MAX_SKEW_SECONDS = 5.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def of_methods(door: ProbeClient, server: str) -> CheckResult:
    lost = [method for method in METHODS if not _is_from_probe(door.request(method), method)]
    if not lost:
        return good("methods", "HTTP methods", f"{', '.join(METHODS)} pass through.")
    effect = "can't be cancelled" if lost == ["DELETE"] else "can't resume"
    return (warning if lost == ["DELETE"] else bad)(
        "methods-lost",
        "HTTP methods",
        f"Blocked: {', '.join(lost)}. Uploads {effect}.",
        proxy_hints.fitting(proxy_hints.METHODS, server),
    )


def of_headers(door: ProbeClient, server: str) -> CheckResult:
    result = door.request("POST", headers=TUS)
    report = _report(result)
    lost = [name for name, value in TUS.items() if report.get("headers", {}).get(name) != value]
    if isinstance(result, ProbeResponse):
        lost += [f"{name} (response)" for name in ("Upload-Offset", "Tus-Resumable") if name not in result.headers]
    if not lost:
        return good("headers", "Headers", "Resumable upload headers pass in both directions.")
    return bad(
        "headers-lost",
        "Headers",
        f"Changed or removed: {', '.join(lost)}. Uploads can't resume.",
        "Let the proxy pass these headers through.",
    )


def of_statuses(door: ProbeClient, server: str) -> CheckResult:
    lost = [
        str(status) for status in STATUSES if not _has_status(door.request("POST", query=f"answer={status}"), status)
    ]
    if not lost:
        return good("statuses", "Status codes", f"{', '.join(map(str, STATUSES))} pass unchanged.")
    return bad(
        "statuses-lost",
        "Status codes",
        f"A proxy replaces responses with status {', '.join(lost)}. Clients can't tell what to do next.",
        proxy_hints.fitting(proxy_hints.STATUSES, server),
    )


def of_address(door: ProbeClient, report: dict[str, Any], server: str) -> Iterator[CheckResult]:
    """Checks that Darkroom knows its own public address. Its links and its check of the Origin header depend on that."""
    own_url, title = f"{report['scheme']}://{report['host']}", "Public URL"
    remedy = proxy_hints.fitting(proxy_hints.FORWARDED, server)
    if not report["is_trusted"]:
        message = f"Users open {door.url}, but Darkroom sees {own_url}. All forms are rejected (403)."
        yield bad("origin-refused", title, message, remedy)
    elif _origin(own_url) != _origin(door.url):
        message = f"Users open {door.url}, but Darkroom sees {own_url}. Upload clients get wrong URLs."
        yield bad("address-differs", title, message, remedy)
    else:
        yield good("address", title, f"Darkroom sees the right address, {door.url}.")


def of_encryption(door: ProbeClient) -> CheckResult:
    title = "HTTPS"
    if not door.is_secure:
        if door.host in LOOPBACK:
            return good("loopback", title, "Not needed: only this machine can reach this address.")
        message = "Traffic isn't encrypted, and browsers disable some features, such as checksums."
        return warning("not-encrypted", title, message, "Put a TLS proxy in front, and set PUBLIC_URL to its address.")
    try:
        ends_at = ssl.cert_time_to_seconds(door.certificate()["notAfter"])
    except ssl.SSLError as error:
        message = f"The certificate isn't trusted: {getattr(error, 'verify_message', '') or error.reason}."
        return bad("certificate", title, message, "Get one for this host name, for example from Let's Encrypt.")
    except (OSError, KeyError) as error:
        return warning("certificate-unknown", title, f"The certificate can't be read: {error}.")
    days = (datetime.fromtimestamp(ends_at, UTC) - datetime.now(UTC)).days
    if days < MIN_CERTIFICATE_DAYS:
        return warning(
            "certificate-ends", title, f"The certificate expires in {days} days.", "Check why it isn't renewed."
        )
    return good("encrypted", title, f"The certificate is valid for {days} more days.")


def of_clock(report: dict[str, Any], clock_owner: str = "the doctor's") -> CheckResult:
    skew = abs(report["now"] - time.time())
    if skew < MAX_SKEW_SECONDS:
        return good("clock", "Clocks", f"The web server's clock and {clock_owner} agree.")
    message = f"The web server's clock and {clock_owner} differ by {skew:.0f} s."
    return warning("clock-differs", "Clocks", message, "Synchronise both with NTP.")


def _is_from_probe(result: ProbeResponse | NoResponse, method: str) -> bool:
    return isinstance(result, ProbeResponse) and result.headers.get(MARK) == method


def _has_status(result: ProbeResponse | NoResponse, status: int) -> bool:
    return isinstance(result, ProbeResponse) and result.status == status and result.report is not None


def _report(result: ProbeResponse | NoResponse) -> dict[str, Any]:
    return (result.report or {}) if isinstance(result, ProbeResponse) else {}


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443}.get(parts.scheme, 80)
