"""An unmodified Uppy uploads straight to the bucket, in a real Chromium, with Darkroom as its Companion."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, sync_playwright

from tests import polling
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.clients.test_resume import HERE, MEGABYTE
from tests.installation import NAME, PASSWORD, Installation
from tests.processing import making
from tests.s3servers import Rgw

pytestmark = [pytest.mark.faults, pytest.mark.servers]

UPLOADS = "SELECT name, state, sha256 FROM processing_upload"
PARTS = 3


@pytest.fixture(scope="module")
def environment(rgw: Rgw) -> dict[str, str]:
    return rgw.new_bucket()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("bucket"), environment | {"SWEEP_SECONDS": "1"}) as installation:
        installation.manage("setup_bucket", "--origin", installation.url)
        installation.start("serve")
        installation.start("run_huey")
        yield installation


@pytest.fixture(scope="module")
def session(installation: Installation) -> requests.Session:
    return installation.sign_in()


@pytest.fixture(scope="module")
def page(installation: Installation) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{installation.url}/accounts/login/")
        page.get_by_label("Username").fill(NAME)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/albums/")
        yield page
        browser.close()


def open_uppy(page: Page, installation: Installation, session: requests.Session, title: str, **options: object) -> None:
    """Open Uppy on a page of Darkroom, under its content security policy, with the Companion URL from the manifest.

    A page that the test itself serves does not work: Chromium does not know its address space, and blocks requests to loopback.
    """
    album = installation.new_album(session, title)
    headers = {"X-CSRFToken": session.cookies["csrftoken"], "Origin": installation.url}
    address = f"{installation.url}/albums/{album}/uploads/manifest/"
    manifest = session.post(address, json={"open": False, "files": []}, headers=headers, timeout=60).json()
    script = subprocess.run(
        [HERE / "node_modules/.bin/esbuild", "uppy-s3.js", "--bundle"],
        cwd=HERE,
        check=True,
        capture_output=True,
        timeout=240,
    ).stdout
    page.goto(f"{installation.url}/albums/{album}/")
    page.evaluate("options => { window.options = options }", {"companionEndpoint": manifest["direct"], **options})
    page.evaluate(script.decode())


def wait_for_end(page: Page) -> str:
    return polling.until(page.title, 240, "the upload never ends")


def received(installation: Installation, path: Path) -> bool:
    return (path.name, "received", hashlib.sha256(path.read_bytes()).hexdigest()) in installation.ask(UPLOADS)


def photo(tmp_path: Path, name: str, extra_bytes: int = 0) -> Path:
    path = tmp_path / name
    path.write_bytes(making.jpeg((900, 600)) + os.urandom(extra_bytes))
    return path


def test_a_file_is_uploaded_in_parts(page, installation, session, environment, rgw, tmp_path):
    path = photo(tmp_path, "parts.jpg", 12 * MEGABYTE)
    open_uppy(page, installation, session, "Parts", shouldUseMultipart=True)

    page.locator("#uppy").set_input_files(path)

    assert wait_for_end(page) == "sent 1"
    assert page.evaluate("window.parts") == PARTS
    assert received(installation, path)
    polling.until(lambda: not rgw.multiparts(environment["S3_BUCKET"]))


def test_a_paused_file_is_resumed(page, installation, session, tmp_path):
    path = photo(tmp_path, "paused.jpg", 30 * MEGABYTE)
    open_uppy(page, installation, session, "Paused", shouldUseMultipart=True)

    page.evaluate("uppy.once('s3-multipart:part-uploaded', () => (uppy.pauseAll(), (window.isPaused = true)))")
    page.locator("#uppy").set_input_files(path)
    polling.until(lambda: page.evaluate("window.isPaused"), 240)
    page.evaluate("uppy.resumeAll()")

    assert wait_for_end(page) == "sent 1"
    assert received(installation, path)


def test_a_cancelled_file_leaves_no_parts(page, installation, session, environment, rgw, tmp_path):
    path = photo(tmp_path, "cancelled.jpg", 30 * MEGABYTE)
    open_uppy(page, installation, session, "Cancelled", shouldUseMultipart=True)

    page.evaluate("uppy.once('s3-multipart:part-uploaded', () => uppy.cancelAll())")
    page.locator("#uppy").set_input_files(path)

    polling.until(lambda: ("cancelled.jpg", "cancelled", "") in installation.ask(UPLOADS), 240)
    polling.until(lambda: not rgw.multiparts(environment["S3_BUCKET"]))


def test_a_small_file_is_sent_as_a_form_by_default(page, installation, session, tmp_path):
    path = photo(tmp_path, "form.jpg")
    open_uppy(page, installation, session, "Form")

    page.locator("#uppy").set_input_files(path)

    assert wait_for_end(page) == "sent 1"
    polling.until(lambda: received(installation, path), 240, "the sweep does not find it")
