"""Runs all checks of the doctor: through the front door of one address, and inside."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from processing.doctor import host, proxy_passthrough, request_size, services, timeouts
from processing.doctor.check_result import CheckResult, CheckState, bad, good, warning
from processing.doctor.http_probe import MARK, NoResponse, ProbeClient, ProbeResponse
from processing.doctor.request_size import LargestBody


@dataclass(frozen=True, slots=True)
class Examination:
    address: str
    largest: LargestBody | None
    """The largest body that passed; None when the address could not be reached."""
    door: tuple[CheckResult, ...]
    inside: tuple[CheckResult, ...]

    @property
    def diagnoses(self) -> tuple[CheckResult, ...]:
        return self.door + self.inside

    @property
    def is_bad(self) -> bool:
        return any(diagnosis.state == CheckState.BAD for diagnosis in self.diagnoses)


def run(url: str) -> Examination:
    """Runs all checks. Takes about as long as the longest pause that is tried. Raises http_probe.NoSite."""
    door = ProbeClient(url)
    encryption = proxy_passthrough.of_encryption(door)
    door.certificate_is_checked = encryption.code != "certificate"  # reported once; the other checks run anyway
    first = door.request()
    if not isinstance(first, ProbeResponse) or not first.report:
        return Examination(door.url, None, (_unreachable_diagnosis(door, first), encryption), check_server())
    server = first.headers.get("Server", "")
    clock = proxy_passthrough.of_clock(first.report)  # now, because the other checks take a while
    with ThreadPoolExecutor(2) as executor:  # pauses are measured while the other checks run
        pauses = executor.submit(timeouts.of_pauses, door, server)
        late_answers = executor.submit(timeouts.of_late_answers, door, server)
        largest = request_size.largest(door)
        diagnoses = [
            _proxy_diagnosis(server),
            request_size.of_largest(largest, server),
            proxy_passthrough.of_methods(door, server),
            proxy_passthrough.of_headers(door, server),
            proxy_passthrough.of_statuses(door, server),
            request_size.of_chunks(door, server),
            *proxy_passthrough.of_address(door, first.report, server),
            encryption,
            clock,
        ]
        diagnoses[2:2] = [*pauses.result(), late_answers.result()]
    return Examination(door.url, largest, tuple(diagnoses), check_server())


def check_server() -> tuple[CheckResult, ...]:
    return tuple(_inside())


def _inside() -> Iterator[CheckResult]:
    yield from host.run_checks()
    yield from services.run_checks()


def _proxy_diagnosis(server: str) -> CheckResult:
    if not server or server.lower().startswith("gunicorn"):
        return good("no-proxy", "Proxy", "No proxy detected.")
    return good("proxy", "Proxy", f"Detected: {server}.")


def _unreachable_diagnosis(door: ProbeClient, first: ProbeResponse | NoResponse) -> CheckResult:
    """Returns the diagnosis of a failed first request.

    No response is only a warning: behind some routers, the server itself cannot use its public name although browsers can.
    """
    title, remedy = (
        "Proxy",
        "Check that PUBLIC_URL is the address users open. Also run the check on the Diagnostics page.",
    )
    if isinstance(first, NoResponse):
        return warning("door-unreachable", title, f"The server can't reach {door.url} itself: {first.reason}.", remedy)
    if first.status == 400 and MARK not in first.headers:
        message = f"{door.url} returns 400: Darkroom doesn't allow this host name."
        return bad("host-refused", title, message, "Set PUBLIC_URL to this address, or add its host to ALLOWED_HOSTS.")
    if MARK in first.headers:
        message = f"{door.url} rejected the test request (status {first.status})."
        return warning(
            "probe-refused",
            title,
            message,
            "Check that web server and doctor share SECRET_KEY, and that their clocks agree.",
        )
    message = f"{door.url} returns {first.status}, and the response isn't from Darkroom."
    return bad("door-elsewhere", title, message, remedy)
