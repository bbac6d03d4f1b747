"""Straight to the bucket: a real Chromium, an S3 server that checks every signature, and a network between them that breaks."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import forgive, new_album
from tests.browser.desk import choose
from tests.browser.recording import Proxy, resent
from tests.browser.test_resuming import all_sent, bytes_passed, ensure_arrived_once, send
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Rgw

# With a bucket of its own, which it looks into.
pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.embedded]

PARTS = "SELECT count(*) FROM processing_part"
SAFE = "All 3 files are stored and verified: safe to format the card."
SLOW = 12_000_000


@pytest.fixture
def environment(rgw: Rgw) -> dict[str, str]:
    return rgw.new_bucket()


@pytest.fixture
def road(rgw: Rgw) -> Iterator[Proxy]:
    """The browser's way to the bucket."""
    with closing(Proxy(rgw.port)) as road:
        yield road


@pytest.fixture
def installation(tmp_path: Path, environment: dict[str, str], road: Proxy) -> Iterator[Installation]:
    more = {"SWEEP_SECONDS": "1", "S3_BROWSER_ENDPOINT": road.url}
    with Installation(tmp_path, environment | more) as installation:
        installation.start("serve")
        yield installation


@pytest.fixture
def address(installation: Installation, proxy: Proxy) -> str:
    """Through a proxy, which the bucket has to know."""
    installation.manage("setup_bucket", "--origin", proxy.url)
    return proxy.url


@pytest.fixture
def card(tmp_path: Path) -> list[Path]:
    """Three photos of three parts each."""
    files = []
    for number in range(1, 4):
        noise = random.Random(number).randbytes(18 << 20)
        files.append(tmp_path / f"IMG_{number:04}.JPG")
        files[-1].write_bytes(making.jpeg((900, 600)) + noise)
    return files


def cut(*ways: Proxy) -> None:
    for way in ways:
        way.cut()


def mend(*ways: Proxy) -> None:
    for way in ways:
        way.mend()


def ensure_all_is_in_the_bucket(rgw: Rgw, environment: dict[str, str], installation: Installation, count: int) -> None:
    """And nothing besides: no part, no raw file, nothing on the disk."""
    names = rgw.names(environment["S3_BUCKET"])
    assert {name.split("/")[0] for name in names} == {"originals", "renditions"}
    assert sum(name.startswith("originals/") for name in names) == count
    assert rgw.multiparts(environment["S3_BUCKET"]) == []
    assert [path for room in ("incoming", "originals") for path in (installation.data_dir / room).iterdir()] == []
    assert installation.ask(PARTS) == [(0,)]


def test_photos_go_straight_to_the_bucket_and_survive_a_lost_network_and_a_reload(
    page: Page,
    rgw: Rgw,
    environment: dict[str, str],
    installation: Installation,
    proxy: Proxy,
    road: Proxy,
    card: list[Path],
    complaints: list[str],
):
    total = sum(file.stat().st_size for file in card)
    album = new_album(page, "Straight there")
    road.bytes_per_second = SLOW
    send(page, card)

    bytes_passed(road, total // 3)
    cut(proxy, road)
    expect(page.locator("[data-line-words]")).to_contain_text("goes on by itself", timeout=30_000)
    mend(proxy, road)
    bytes_passed(road, total // 2)
    cut(proxy, road)
    mend(proxy, road)
    page.reload()
    expect(page.locator("[data-again-words]")).to_contain_text("still to come")
    choose(page, card)
    road.bytes_per_second = 0
    all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, card)
    assert proxy.passed() == 0  # not a byte of them went through the server
    assert resent(road.patches) == []
    page.goto(album.replace(album.split("/albums/")[0], proxy.url))
    expect(page.locator(".tile, .photo, figure").first).to_be_visible()
    page.goto("/batches/1/")
    expect(page.get_by_text(SAFE)).to_be_visible(timeout=60_000)
    ensure_all_is_in_the_bucket(rgw, environment, installation, len(card))
    forgive(complaints)


def test_a_browser_that_cannot_reach_the_bucket_sends_through_the_server(
    page: Page, installation: Installation, proxy: Proxy, road: Proxy, card: list[Path], complaints: list[str]
):
    road.cut()
    new_album(page, "Walled in")

    send(page, card[:1])
    all_sent(page, 90)

    installation.start("run_huey")
    ensure_arrived_once(installation, card[:1])
    assert proxy.passed() == card[0].stat().st_size
    forgive(complaints)


def test_a_file_that_is_cancelled_leaves_nothing_in_the_bucket(
    page: Page,
    rgw: Rgw,
    environment: dict[str, str],
    installation: Installation,
    road: Proxy,
    card: list[Path],
    complaints: list[str],
):
    road.bytes_per_second = SLOW
    new_album(page, "Never mind")
    send(page, card[:1])
    bytes_passed(road, 9 << 20)

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-title]")).not_to_contain_text("Sending")
    installation.manage("sweep")
    assert rgw.names(environment["S3_BUCKET"]) == rgw.multiparts(environment["S3_BUCKET"]) == []
    forgive(complaints)
