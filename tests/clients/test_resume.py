"""Third-party clients upload, are killed, and resume after a restart, with the exact code of docs/uploading.md."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Playwright, sync_playwright

from tests import polling
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.clients.road import RecordingProxy
from tests.installation import NAME, PASSWORD, Installation
from tests.processing import making
from tests.support import processes

pytestmark = [pytest.mark.faults, pytest.mark.servers]

HERE = Path(__file__).parent
UPLOADING = HERE.parent.parent / "docs" / "uploading.md"
MEGABYTE = 1 << 20
SIZE = 30 * MEGABYTE
MAX_OTHER_BYTES = 512 << 10
"""Bytes besides those of the file: a page requests fifty modules, and polls. A third of the file is twenty times that."""


class Sender(ABC):
    """A client that sends one file. It stores its upload's URL in the directory `scratch`."""

    def __init__(self, proxy: RecordingProxy, album: int, source: Path, scratch: Path) -> None:
        self.proxy, self.album, self.source, self.scratch = proxy, album, source, scratch
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def wait(self) -> None:
        """Wait until the client reports that the file is stored."""

    @property
    def has_saved_upload(self) -> bool:
        """Whether the client has saved its upload's URL, so that it can resume after a kill."""
        return True

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=processes.END_SECONDS)

    def _run(self, *command: str) -> None:
        self.process = processes.start(
            command, cwd=self.scratch, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )


class Script(Sender):
    """An example of docs/uploading.md."""

    heading, name, interpreter = "", "", ""

    def start(self) -> None:
        code = UPLOADING.read_text(encoding="utf-8").partition(f"\n### {self.heading}\n")[2].partition("```")[2]
        script = self.scratch / self.name
        script.write_text(code.partition("\n")[2].partition("```")[0], encoding="utf-8")
        arguments = (self.proxy.url, str(self.album), NAME, PASSWORD, str(self.source))
        self._run(self.interpreter, str(script), *arguments)

    def wait(self) -> None:
        output, _ = self.process.communicate(timeout=240)
        assert (self.process.returncode, output.decode().strip()) == (0, f"{self.source} is stored")

    @property
    def has_saved_upload(self) -> bool:
        return (self.scratch / "uploads.json").exists() and "/uploads/" in (self.scratch / "uploads.json").read_text()


class TusJsClient(Script):
    heading, name, interpreter = "tus-js-client", "upload.mjs", "node"

    def start(self) -> None:
        if not (self.scratch / "node_modules").exists():
            (self.scratch / "node_modules").symlink_to(HERE / "node_modules")
        super().start()


class Tuspy(Script):
    heading, name, interpreter = "tuspy", "upload.py", sys.executable


class Uppy(Sender):
    """Uppy in a Chromium with its own profile: after a kill and restart, only what Chromium wrote to the profile is left."""

    playwright: Playwright

    def start(self) -> None:
        profile = self.scratch / "profile"
        (profile / "DevToolsActivePort").unlink(missing_ok=True)
        self._run(CHROMIUM, "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", *ARGUMENTS)
        port = polling.until(lambda: (profile / "DevToolsActivePort").read_text().partition("\n")[0])
        browser = self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        self.page = browser.contexts[0].new_page()
        self.page.set_default_timeout(60_000)
        self._open(self.page)
        self._choose(self.source)

    def wait(self) -> None:
        self.page.wait_for_function("document.title", timeout=240_000)
        assert self.page.title() == "sent 1"
        self.kill()

    @property
    def has_saved_upload(self) -> bool:
        """Chromium writes localStorage to disk with a delay of some seconds."""
        self.page.wait_for_timeout(50)  # lets Playwright handle requests of the page
        logs = (self.scratch / "profile").glob("Default/Local Storage/leveldb/*.log")
        return any(b"uploadUrl" in path.read_bytes() for path in logs)

    def _open(self, page: Page) -> None:
        bundle = HERE / "node_modules/.bin/esbuild"
        script = subprocess.run(
            [bundle, "uppy.js", "--bundle"], cwd=HERE, check=True, capture_output=True, timeout=240
        ).stdout
        endpoint = f"{self.proxy.url}/albums/{self.album}/uploads/tus/"
        body = f'<!doctype html><body data-endpoint="{endpoint}"><input type="file"><script src="/uppy.js"></script>'
        page.route("**/uppy.html", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.route("**/uppy.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
        page.goto(f"{self.proxy.url}/accounts/login/")
        if page.get_by_label("Username").count():
            page.get_by_label("Username").fill(NAME)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/albums/")
        page.goto(f"{self.proxy.url}/uppy.html")
        page.unroute_all()  # otherwise every request would pass through Playwright

    def _choose(self, path: Path) -> None:
        """Set the file by its path: Playwright would transfer it through the debugging connection, which takes a minute."""
        devtools = self.page.context.new_cdp_session(self.page)
        input_element = devtools.send("Runtime.evaluate", {"expression": "document.querySelector('input')"})
        devtools.send("DOM.setFileInputFiles", {"files": [str(path)], "objectId": input_element["result"]["objectId"]})


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("clients")) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


@pytest.fixture
def proxy(installation: Installation) -> Iterator[RecordingProxy]:
    with closing(RecordingProxy(installation.port)) as proxy:
        yield proxy


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A photo with many bytes after the picture, as some cameras write."""
    path = tmp_path / "IMG_1.JPG"
    path.write_bytes(making.jpeg((1200, 900)) + os.urandom(SIZE))
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(params=[TusJsClient, Tuspy, Uppy])
def sender(request, installation, proxy, source, scratch) -> Iterator[Sender]:
    if request.param is Uppy:
        Uppy.playwright = request.getfixturevalue("playwright")
    session = installation.sign_in()
    sender: Sender = request.param(proxy, installation.new_album(session, request.param.__name__), source, scratch)
    try:
        yield sender
    finally:
        if sender.process and sender.process.poll() is None:
            sender.kill()


def draft(installation: Installation) -> Path | None:
    return next((installation.data_dir / "incoming").glob("*.part"), None)


def has_partly_arrived(installation: Installation) -> bool:
    """Whether a third of the file has arrived, not counting bytes that were sent again."""
    part_file = draft(installation)
    return part_file is not None and part_file.stat().st_size > SIZE // 3


def offset(installation: Installation, session: requests.Session, draft: Path) -> int:
    address = f"{installation.url}/uploads/{draft.stem}/"
    return int(session.head(address, headers={"Tus-Resumable": "1.0.0"}, timeout=60).headers["Upload-Offset"])


def original(installation: Installation, session: requests.Session, album: int) -> bytes:
    page = f"{installation.url}/albums/{album}/"
    link = polling.until(
        lambda: re.search(r'href="/photos/(\d+)/"', session.get(page, timeout=60).text), 240, "no photo appears"
    )
    return session.get(f"{installation.url}/photos/{link[1]}/original/", timeout=60).content


def test_a_killed_client_resumes_at_the_stored_offset(installation, proxy, sender, source):
    proxy.close_when(lambda: has_partly_arrived(installation))  # in the middle of a chunk, the second or third of four
    sender.start()
    polling.until(lambda: proxy.is_closed, 240, "no bytes arrive")
    part_file = draft(installation)
    polling.until(lambda: sender.has_saved_upload, 240, "the client does not save its upload's URL")
    sender.kill()
    proxy.open()
    polling.until(lambda: proxy.is_empty, what="the connection stays open")
    session = installation.sign_in()
    resume_offset = offset(installation, session, part_file)
    size = source.stat().st_size
    assert SIZE // 3 < resume_offset < size

    proxy.forget()
    sender.start()
    sender.wait()

    assert proxy.offsets[0] == resume_offset
    assert 0 <= proxy.sent - (size - resume_offset) < MAX_OTHER_BYTES
    stored = original(installation, session, sender.album)
    assert hashlib.sha256(stored).digest() == hashlib.sha256(source.read_bytes()).digest()
