"""Photos that lie in a bucket, seen in a browser: under the policy that the pages have, and each of them fetched once."""

import hashlib
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import new_album
from tests.browser.desk import send
from tests.browser.looking import ensure_seen
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Rgw

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PICTURE = making.jpeg((1200, 800), number=1)


@pytest.fixture(scope="module")
def environment(rgw: Rgw) -> dict[str, str]:
    return rgw.new_prefix() | {"SWEEP_SECONDS": "1"}


@pytest.mark.usefixtures("worker")
def test_photos_are_seen_kept_by_the_browser_and_downloaded(page: Page, installation: Installation, rgw: Rgw) -> None:
    installation.manage("setup_bucket", "--origin", installation.url)
    album = new_album(page)
    send(page, {"name": "dune.jpg", "mimeType": "image/jpeg", "buffer": PICTURE})
    shown = page.get_by_role("link", name="dune.jpg")
    expect(shown).to_be_visible()
    ensure_seen(page)
    page.goto(album)
    fetched = from_the_bucket(page, rgw)
    page.reload()
    ensure_seen(page)
    assert fetched
    assert all(each["is_cached"] for each in fetched)

    shown.click()
    ensure_seen(page)
    page.get_by_role("link", name="Compare original and previews").click()
    expect(page.get_by_role("slider")).to_be_visible()
    ensure_seen(page)
    assert page.evaluate("document.images[0].naturalWidth") == 1200

    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    assert download.value.suggested_filename == "dune.jpg"
    assert hashlib.sha256(download.value.path().read_bytes()).digest() == hashlib.sha256(PICTURE).digest()


def from_the_bucket(page: Page, rgw: Rgw) -> list[dict[str, Any]]:
    """What is fetched from there from now on, and whether the browser had it already."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    cached: set[str] = set()
    told: list[dict[str, Any]] = []

    def received(event: dict[str, Any]) -> None:
        if event["response"]["url"].startswith(rgw.url):
            is_cached = event["response"].get("fromDiskCache", False) or event["requestId"] in cached
            told.append({"url": event["response"]["url"], "is_cached": is_cached})

    line.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    line.on("Network.responseReceived", received)
    return told
