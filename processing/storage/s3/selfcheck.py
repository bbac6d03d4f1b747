"""Tests every operation that Darkroom needs of a bucket on a small object, and describes the result of each.

Used before a connection is saved, and for diagnosis. The objects are deleted at the end.
"""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from processing.storage.s3 import ssrf, transfer
from processing.storage.s3.config import Connection
from processing.storage.s3.s3_store import S3Store

MIN_PART_BYTES = 5 << 20
"""S3's minimum for all parts but the last."""
FILE_NAME, CONTENT_TYPE = "probe.jpg", "image/jpeg"


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step. No code means success; a warning has a code but prevents nothing from working."""

    step: str
    message: str
    code: str = ""
    is_warning: bool = False

    @property
    def is_good(self) -> bool:
        return not self.code


def probe(connection: Connection, location: Path, origin: str = "") -> Iterator[StepResult]:
    """Yields the outcome of each step, and stops after the first OSError. `location`: a local directory for temporary files.

    `origin`: the site's origin, if known. The check whether its pages may upload to the bucket needs it.
    """
    store = S3Store(connection, location)
    with store.scratch(f"probe-{secrets.token_hex(8)}") as directory:
        trial = _Trial(store, directory, f"probe/{secrets.token_hex(8)}", origin)
        try:
            for step in STEPS:
                try:
                    yield step(trial)
                except OSError as error:
                    code = getattr(error, "code", "s3-refused")
                    yield StepResult(step.__name__.strip("_"), str(getattr(error, "message", error)), code)
                    return
        finally:
            for key in (trial.key, trial.copied):
                with suppress(OSError):
                    store.delete(key)


@dataclass(frozen=True, slots=True)
class _Trial:
    store: S3Store
    directory: Path
    key: str
    origin: str

    @property
    def copied(self) -> str:
        return f"{self.key}-copy"

    @property
    def content(self) -> bytes:
        return self.key.encode()


def _reach(trial: _Trial) -> StepResult:
    if error := trial.store.problem():
        raise error
    return StepResult("reach", f"Connected to the bucket {trial.store.connection.bucket}.")


def _write(trial: _Trial) -> StepResult:
    path = trial.directory / "written"
    path.write_bytes(trial.content)
    trial.store.send(path, trial.key)
    return StepResult("write", "An object was written, with the right checksum.")


def _read(trial: _Trial) -> StepResult:
    with trial.store.open_local(trial.key) as path:
        if path.read_bytes() != trial.content:
            return StepResult("read", "The object read back differs from the one written.", "s3-damaged")
    return StepResult("read", "The object was read back unchanged.")


def _list(trial: _Trial) -> StepResult:
    if trial.key not in trial.store.keys("probe"):
        return StepResult("list", "The object isn't listed, so checks and clean-up can't work.", "s3-unlisted")
    return StepResult("list", "The object is listed.")


def _copy(trial: _Trial) -> StepResult:
    trial.store.copy_or_link(trial.key, trial.copied)
    return StepResult("copy", "The object was copied inside the bucket.")


def _link(trial: _Trial) -> StepResult:
    """Fetches the object like a browser: without credentials, from the endpoint for browsers."""
    link = trial.store.link(trial.key, name=FILE_NAME, content_type=CONTENT_TYPE)
    try:
        signed = _request(trial, "GET", link)
        unsigned = _request(trial, "GET", link.split("?")[0])
    except HTTPError as error:
        host = urlsplit(link).netloc
        return StepResult("link", f"{host}, which browsers use, isn't responding: {error}", "s3-link")
    if signed.data != trial.content:
        message = f"A signed link returned {signed.status}. Check S3_BROWSER_ENDPOINT, S3_REGION and the clock."
        return StepResult("link", message, "s3-link")
    disposition = signed.headers.get("Content-Disposition", "")
    if signed.headers.get("Content-Type") != CONTENT_TYPE or "attachment" not in disposition:
        return StepResult("link", "Signed links work, but not as downloads: the bucket omits headers.", "s3-link", True)
    if unsigned.status == 200:
        message = "Links without a signature work too, so anyone with the URL can view files. Make the bucket private."
        return StepResult("link", message, "s3-public", is_warning=True)
    return StepResult("link", "Signed links work; unsigned links are rejected.")


def _parts(trial: _Trial) -> StepResult:
    path = trial.directory / "large"
    path.write_bytes(bytes(MIN_PART_BYTES + 1))
    transfer.send(trial.store.connection, path, trial.key, part=MIN_PART_BYTES, whole=0)
    if trial.store.size(trial.key) != MIN_PART_BYTES + 1:
        return StepResult("parts", "An object uploaded in parts is incomplete.", "s3-parts")
    return StepResult("parts", "A large object was uploaded in parts.")


def _browsers(trial: _Trial) -> StepResult:
    """Sends the CORS preflight request that a browser sends before an upload to another origin."""
    if not trial.origin:
        return StepResult("browsers", "Not tested, because PUBLIC_URL is not set.")
    headers = {"Origin": trial.origin, "Access-Control-Request-Method": "PUT"}
    response = _request(trial, "OPTIONS", trial.store.link(trial.key), headers)
    if response.status >= 300 or response.headers.get("Access-Control-Allow-Origin") not in ("*", trial.origin):
        message = (
            f"The bucket blocks uploads from {trial.origin}, so they go through the server. Run manage.py setup_bucket."
        )
        return StepResult("browsers", message, "s3-cors", is_warning=True)
    return StepResult("browsers", f"Browsers may upload from {trial.origin}.")


def _delete(trial: _Trial) -> StepResult:
    trial.store.delete(trial.key)
    trial.store.delete(trial.copied)
    if trial.store.exists(trial.key):
        return StepResult("delete", "The object still exists after deletion.", "s3-undeleted")
    return StepResult("delete", "The object was deleted.")


STEPS = (_reach, _write, _read, _list, _copy, _link, _parts, _browsers, _delete)


def _request(trial: _Trial, method: str, url: str, headers: dict[str, str] | None = None) -> BaseHTTPResponse:
    manager = PoolManager(timeout=Timeout(5), retries=False)
    if trial.store.connection.is_fenced:
        ssrf.fence(manager)
    return manager.request(method, url, headers=headers, redirect=False)
