"""Uploads straight to the bucket, with a real Chromium, an S3 server that checks signatures, and an unreliable network."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import polling
from tests.browser.conftest import OpenPage, clear_network_errors, new_album
from tests.browser.desk import album_of, send, states
from tests.browser.gate import Gate
from tests.browser.recording import Proxy, resent
from tests.browser.uploading.resuming.conftest import (
    SHORT_RETRY_DELAYS,
    ensure_arrived_once,
    expect_all_sent,
    wait_for_bytes,
)
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Rgw

# The tests create their own bucket, and list its objects.
pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded]

PARTS = "SELECT count(*) FROM processing_part"
SAFE = "All 3 files are stored and verified: safe to format the card."


@pytest.fixture(scope="module")
def bucket(rgw: Rgw) -> dict[str, str]:
    return rgw.new_bucket()


@pytest.fixture(scope="module")
def bucket_proxy(rgw: Rgw) -> Iterator[Proxy]:
    with closing(Proxy(rgw.port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], bucket: dict[str, str]) -> dict[str, str]:
    return environment | bucket


@pytest.fixture
def bucket_route(bucket_proxy: Proxy, gate: Gate) -> Iterator[Proxy]:
    """The proxy between the browser and the bucket."""
    bucket_proxy.patches.clear()
    yield bucket_proxy
    bucket_proxy.restore()


@pytest.fixture
def address(installation: Installation, proxy: Proxy) -> str:
    """The proxy's URL, which the bucket's CORS rules have to allow."""
    installation.manage("setup_bucket", "--origin", proxy.url)
    return proxy.url


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    page = open_page()
    page.add_init_script(SHORT_RETRY_DELAYS)
    return page


@pytest.fixture
def earlier_objects(rgw: Rgw, bucket: dict[str, str]) -> set[str]:
    """The names of the objects of other tests."""
    return set(rgw.names(bucket["S3_BUCKET"]))


@pytest.fixture
def card(tmp_path: Path) -> list[Path]:
    """Three photos of three parts each."""
    files = []
    for number in range(1, 4):
        noise = random.Random(number).randbytes(18 << 20)
        files.append(tmp_path / f"IMG_{number:04}.JPG")
        files[-1].write_bytes(making.jpeg((900, 600)) + noise)
    return files


def cut(*proxies: Proxy) -> None:
    for proxy in proxies:
        proxy.cut()


def restore(*proxies: Proxy) -> None:
    for proxy in proxies:
        proxy.restore()


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("no_worker")
def test_uploads_to_the_bucket_survive_a_lost_network_and_a_reload(
    page: Page,
    rgw: Rgw,
    bucket: dict[str, str],
    earlier_objects: set[str],
    installation: Installation,
    proxy: Proxy,
    bucket_route: Proxy,
    gate: Gate,
    card: list[Path],
    console_errors: list[str],
):
    total = sum(file.stat().st_size for file in card)
    album = new_album(page, "Straight there")
    gate.hold_at(total // 3)
    send(page, card)

    wait_for_bytes(gate, total // 3)
    cut(proxy, bucket_route)
    expect(page.locator("[data-connection-text]")).to_contain_text("Retrying automatically")
    gate.hold_at(total // 2)
    restore(proxy, bucket_route)
    wait_for_bytes(gate, total // 2)
    cut(proxy, bucket_route)
    restore(proxy, bucket_route)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted")
    send(page, card)
    gate.release()
    expect_all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, card, album_of(page))
    assert proxy.passed() == 0  # no bytes of files passed through the server
    assert resent(bucket_route.patches) == []
    page.goto(album)
    expect(page.locator(".tile, .photo, figure").first).to_be_visible()
    page.get_by_role("link", name="Activity").click()
    page.locator(".entry a").first.click()
    expect(page.get_by_text(SAFE)).to_be_visible()
    # No other objects: no parts, no raw files, and no files on the disk.
    names = set(rgw.names(bucket["S3_BUCKET"])) - earlier_objects
    assert {name.split("/")[0] for name in names} == {"originals", "renditions"}
    assert sum(name.startswith("originals/") for name in names) == len(card)
    assert rgw.multiparts(bucket["S3_BUCKET"]) == []
    assert [
        path for directory in ("incoming", "originals") for path in (installation.data_dir / directory).iterdir()
    ] == []
    assert installation.ask(PARTS) == [(0,)]
    clear_network_errors(console_errors)


@pytest.mark.usefixtures("no_worker")
def test_a_browser_that_cannot_reach_the_bucket_sends_through_the_server(
    page: Page,
    installation: Installation,
    proxy: Proxy,
    bucket_route: Proxy,
    card: list[Path],
    console_errors: list[str],
):
    bucket_route.cut()
    new_album(page, "Walled in")

    send(page, card[:1])
    expect_all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, card[:1], album_of(page))
    assert proxy.passed() == card[0].stat().st_size
    clear_network_errors(console_errors)


def test_a_cancelled_file_leaves_no_object_in_the_bucket(
    page: Page,
    rgw: Rgw,
    bucket: dict[str, str],
    earlier_objects: set[str],
    installation: Installation,
    bucket_route: Proxy,
    gate: Gate,
    card: list[Path],
    console_errors: list[str],
):
    gate.hold_at(9 << 20)
    new_album(page, "Never mind")
    send(page, card[:1])
    wait_for_bytes(gate, 9 << 20)

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-title]")).not_to_contain_text("Uploading")
    polling.until(lambda: states(installation, page) == {"cancelled": 1}, 60, "it is not cancelled")
    installation.manage("sweep")
    assert set(rgw.names(bucket["S3_BUCKET"])) == earlier_objects
    assert rgw.multiparts(bucket["S3_BUCKET"]) == []
    clear_network_errors(console_errors)
