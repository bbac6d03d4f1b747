"""Tries all that Darkroom does with a bucket, with a small object of its own, and tells in words what came of each.

Used for a connection before anything relies on it, and when something is wrong. Leaves nothing behind.
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
from processing.storage.s3.store import S3Store

LEAST_PART = 5 << 20
"""S3's own, of all parts but the last."""
NAME, KIND = "probe.jpg", "image/jpeg"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one step. Good without a code; one with a code that is a warning keeps nothing from working."""

    step: str
    words: str
    code: str = ""
    is_warning: bool = False

    @property
    def is_good(self) -> bool:
        return not self.code


def probe(connection: Connection, location: Path, origin: str = "") -> Iterator[Outcome]:
    """Each outcome as it comes; the first that is bad is the last. `location`: a local directory for what is sent and read.

    `origin` is the site's own: whether its pages may send straight to the bucket is told if it is known.
    """
    store = S3Store(connection, location)
    with store.scratch(f"probe-{secrets.token_hex(8)}") as room:
        trial = _Trial(store, room, f"probe/{secrets.token_hex(8)}", origin)
        try:
            for step in STEPS:
                try:
                    yield step(trial)
                except OSError as error:
                    code = getattr(error, "code", "s3-refused")
                    yield Outcome(step.__name__.strip("_"), str(getattr(error, "message", error)), code)
                    return
        finally:
            for key in (trial.key, trial.copied):
                with suppress(OSError):
                    store.delete(key)


@dataclass(frozen=True, slots=True)
class _Trial:
    store: S3Store
    room: Path
    key: str
    origin: str

    @property
    def copied(self) -> str:
        return f"{self.key}-copy"

    @property
    def content(self) -> bytes:
        return self.key.encode()


def _reach(trial: _Trial) -> Outcome:
    if trouble := trial.store.trouble():
        raise trouble
    return Outcome("reach", f"The bucket {trial.store.connection.bucket} is there and accepts the keys.")


def _write(trial: _Trial) -> Outcome:
    path = trial.room / "written"
    path.write_bytes(trial.content)
    trial.store.send(path, trial.key)
    return Outcome("write", "An object was written, and its checksum is right.")


def _read(trial: _Trial) -> Outcome:
    with trial.store.borrow(trial.key) as path:
        if path.read_bytes() != trial.content:
            return Outcome("read", "What was read back is not what was written.", "s3-damaged")
    return Outcome("read", "It was read back, byte for byte.")


def _list(trial: _Trial) -> Outcome:
    if trial.key not in trial.store.keys("probe"):
        return Outcome(
            "list", "It is not listed, though it is there: nothing could be checked or swept.", "s3-unlisted"
        )
    return Outcome("list", "It is listed.")


def _copy(trial: _Trial) -> Outcome:
    trial.store.keep(trial.key, trial.copied)
    return Outcome("copy", "The bucket copied it by itself.")


def _link(trial: _Trial) -> Outcome:
    """As a browser would: without keys, from where browsers reach the bucket."""
    link = trial.store.link(trial.key, name=NAME, content_type=KIND)
    try:
        answer = _ask(trial, "GET", link)
        bare = _ask(trial, "GET", link.split("?")[0])
    except HTTPError as error:
        where = urlsplit(link).netloc
        return Outcome("link", f"Browsers are sent to {where}, and nobody answers there: {error}", "s3-link")
    if answer.data != trial.content:
        words = (
            f"A link for browsers was answered by {answer.status}. Check S3_BROWSER_ENDPOINT, S3_REGION and the clock."
        )
        return Outcome("link", words, "s3-link")
    if answer.headers.get("Content-Type") != KIND or "attachment" not in answer.headers.get("Content-Disposition", ""):
        return Outcome(
            "link", "A link works, but not as a download: the bucket leaves out its headers.", "s3-link", True
        )
    if bare.status == 200:
        words = "A link works, but so does one without a signature: whoever has an address sees it. Make the bucket private."
        return Outcome("link", words, "s3-public", is_warning=True)
    return Outcome("link", "A link for browsers works, and without its signature it does not.")


def _parts(trial: _Trial) -> Outcome:
    path = trial.room / "large"
    path.write_bytes(bytes(LEAST_PART + 1))
    transfer.send(trial.store.connection, path, trial.key, part=LEAST_PART, whole=0)
    if trial.store.size(trial.key) != LEAST_PART + 1:
        return Outcome("parts", "What was sent in parts did not become one object.", "s3-parts")
    return Outcome("parts", "A large object was sent in parts.")


def _browsers(trial: _Trial) -> Outcome:
    """The question that a browser asks before it sends anything to another site (CORS)."""
    if not trial.origin:
        return Outcome("browsers", "Whether pages may send to the bucket was not asked, since PUBLIC_URL is not set.")
    asked = {"Origin": trial.origin, "Access-Control-Request-Method": "PUT"}
    answer = _ask(trial, "OPTIONS", trial.store.link(trial.key), asked)
    if answer.status >= 300 or answer.headers.get("Access-Control-Allow-Origin") not in ("*", trial.origin):
        words = f"Pages of {trial.origin} may not send to the bucket, so photos take the longer way. Run manage.py setup_bucket."
        return Outcome("browsers", words, "s3-cors", is_warning=True)
    return Outcome("browsers", f"Pages of {trial.origin} may send to the bucket.")


def _delete(trial: _Trial) -> Outcome:
    trial.store.delete(trial.key)
    trial.store.delete(trial.copied)
    if trial.store.exists(trial.key):
        return Outcome("delete", "It was deleted, and is still there.", "s3-undeleted")
    return Outcome("delete", "It was deleted, and is gone.")


STEPS = (_reach, _write, _read, _list, _copy, _link, _parts, _browsers, _delete)


def _ask(trial: _Trial, method: str, address: str, headers: dict[str, str] | None = None) -> BaseHTTPResponse:
    manager = PoolManager(timeout=Timeout(5), retries=False)
    if trial.store.connection.is_fenced:
        ssrf.fence(manager)
    return manager.request(method, address, headers=headers, redirect=False)
