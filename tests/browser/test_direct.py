"""Straight to the bucket: a real Chromium, an S3 server that checks every signature, and a network between them that breaks."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import polling
from tests.browser.conftest import OpenPage, forgive, new_album
from tests.browser.desk import album_of, choose, send, states
from tests.browser.gate import Gate
from tests.browser.recording import Proxy, resent
from tests.browser.test_resuming import HURRY, all_sent, bytes_passed, ensure_arrived_once
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Rgw

# With a bucket of its own, which it looks into.
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
def road(bucket_proxy: Proxy, gate: Gate) -> Iterator[Proxy]:
    """The browser's way to the bucket."""
    bucket_proxy.patches.clear()
    yield bucket_proxy
    bucket_proxy.mend()


@pytest.fixture
def address(installation: Installation, proxy: Proxy) -> str:
    """Through a proxy, which the bucket has to know."""
    installation.manage("setup_bucket", "--origin", proxy.url)
    return proxy.url


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    page = open_page()
    page.add_init_script(HURRY)
    return page


@pytest.fixture
def known(rgw: Rgw, bucket: dict[str, str]) -> set[str]:
    """The names of other tests' objects."""
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


def cut(*ways: Proxy) -> None:
    for way in ways:
        way.cut()


def mend(*ways: Proxy) -> None:
    for way in ways:
        way.mend()


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("no_worker")
def test_photos_go_straight_to_the_bucket_and_survive_a_lost_network_and_a_reload(
    page: Page,
    rgw: Rgw,
    bucket: dict[str, str],
    known: set[str],
    installation: Installation,
    proxy: Proxy,
    road: Proxy,
    gate: Gate,
    card: list[Path],
    complaints: list[str],
):
    total = sum(file.stat().st_size for file in card)
    album = new_album(page, "Straight there")
    gate.hold_at(total // 3)
    send(page, card)

    bytes_passed(gate, total // 3)
    cut(proxy, road)
    expect(page.locator("[data-connection-text]")).to_contain_text("Retrying automatically")
    gate.hold_at(total // 2)
    mend(proxy, road)
    bytes_passed(gate, total // 2)
    cut(proxy, road)
    mend(proxy, road)
    page.reload()
    expect(page.locator("[data-resume-text]")).to_contain_text("Upload interrupted")
    choose(page, card)
    gate.release()
    all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, card, album_of(page))
    assert proxy.passed() == 0  # not a byte of them went through the server
    assert resent(road.patches) == []
    page.goto(album)
    expect(page.locator(".tile, .photo, figure").first).to_be_visible()
    page.get_by_role("link", name="Uploads").click()
    page.locator(".entry a").first.click()
    expect(page.get_by_text(SAFE)).to_be_visible()
    # Nothing besides: no part, no raw file, nothing on the disk.
    names = set(rgw.names(bucket["S3_BUCKET"])) - known
    assert {name.split("/")[0] for name in names} == {"originals", "renditions"}
    assert sum(name.startswith("originals/") for name in names) == len(card)
    assert rgw.multiparts(bucket["S3_BUCKET"]) == []
    assert [path for room in ("incoming", "originals") for path in (installation.data_dir / room).iterdir()] == []
    assert installation.ask(PARTS) == [(0,)]
    forgive(complaints)


@pytest.mark.usefixtures("no_worker")
def test_a_browser_that_cannot_reach_the_bucket_sends_through_the_server(
    page: Page, installation: Installation, proxy: Proxy, road: Proxy, card: list[Path], complaints: list[str]
):
    road.cut()
    new_album(page, "Walled in")

    send(page, card[:1])
    all_sent(page)

    installation.start("run_huey")
    ensure_arrived_once(installation, card[:1], album_of(page))
    assert proxy.passed() == card[0].stat().st_size
    forgive(complaints)


def test_a_file_that_is_cancelled_leaves_nothing_in_the_bucket(
    page: Page,
    rgw: Rgw,
    bucket: dict[str, str],
    known: set[str],
    installation: Installation,
    road: Proxy,
    gate: Gate,
    card: list[Path],
    complaints: list[str],
):
    gate.hold_at(9 << 20)
    new_album(page, "Never mind")
    send(page, card[:1])
    bytes_passed(gate, 9 << 20)

    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel all").click()

    expect(page.locator("[data-title]")).not_to_contain_text("Uploading")
    polling.until(lambda: states(installation, page) == {"cancelled": 1}, 60, "it is not cancelled")
    installation.manage("sweep")
    assert set(rgw.names(bucket["S3_BUCKET"])) == known
    assert rgw.multiparts(bucket["S3_BUCKET"]) == []
    forgive(complaints)
