"""Photos stored in a bucket, in a browser: the pages' policy allows them, and each is fetched once."""

import hashlib
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import new_album
from tests.browser.desk import send
from tests.browser.looking import ensure_images_loaded
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Rgw

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PICTURE = making.jpeg((1200, 800), number=1)


@pytest.fixture(scope="module")
def environment(rgw: Rgw) -> dict[str, str]:
    return rgw.new_prefix() | {"SWEEP_SECONDS": "1"}


@pytest.mark.usefixtures("worker")
def test_photos_in_a_bucket_are_shown_cached_and_downloaded(page: Page, installation: Installation, rgw: Rgw) -> None:
    installation.manage("setup_bucket", "--origin", installation.url)
    album = new_album(page)
    send(page, {"name": "dune.jpg", "mimeType": "image/jpeg", "buffer": PICTURE})
    link = page.get_by_role("link", name="dune.jpg")
    expect(link).to_be_visible()
    ensure_images_loaded(page)
    page.goto(album)
    requests = record_bucket_requests(page, rgw)
    page.reload()
    ensure_images_loaded(page)
    assert requests
    assert all(request["is_cached"] for request in requests)

    link.click()
    ensure_images_loaded(page)
    page.locator("#viewer-more-toggle").click()
    page.get_by_role("link", name="Compare original and previews").click()
    expect(page.get_by_role("slider")).to_be_visible()
    ensure_images_loaded(page)
    assert page.evaluate("document.images[0].naturalWidth") == 1200

    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").first.click()
    assert download.value.suggested_filename == "dune.jpg"
    assert hashlib.sha256(download.value.path().read_bytes()).digest() == hashlib.sha256(PICTURE).digest()


def record_bucket_requests(page: Page, rgw: Rgw) -> list[dict[str, Any]]:
    """Record requests to the bucket from now on, and whether they were served from the browser's cache."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    cached: set[str] = set()
    requests: list[dict[str, Any]] = []

    def record(event: dict[str, Any]) -> None:
        if event["response"]["url"].startswith(rgw.url):
            is_cached = event["response"].get("fromDiskCache", False) or event["requestId"] in cached
            requests.append({"url": event["response"]["url"], "is_cached": is_cached})

    devtools.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    devtools.on("Network.responseReceived", record)
    return requests
