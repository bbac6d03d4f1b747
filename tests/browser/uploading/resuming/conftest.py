"""Uploads that a test holds or cuts, and what their pages show."""

import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import polling
from tests.browser.conftest import OpenPage
from tests.browser.desk import (
    album_of,
    expect_title,
    send,
)
from tests.browser.gate import Gate
from tests.browser.recording import Proxy
from tests.installation import Installation
from tests.processing import making

SHORT_RETRY_DELAYS = "Math.random = () => 0.02"
"""Makes the random delays before retries short: this fraction of their maximum."""


UNFINISHED_JOBS = "SELECT count(*) FROM processing_processingjob WHERE state IN ('pending', 'processing')"


@pytest.fixture
def page(open_page: OpenPage, proxy: Proxy) -> Page:
    """A page that reaches the server only through the proxy."""
    page = open_page()
    page.add_init_script(SHORT_RETRY_DELAYS)
    return page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine different files of some hundred kilobytes."""
    folder = tmp_path / "card"
    folder.mkdir()
    for number in range(1, 10):
        noise = random.Random(number).randbytes(300_000)
        (folder / f"IMG_{number:04}.JPG").write_bytes(making.jpeg((900, 600)) + noise)
    return folder


def fall_silent(installation: Installation, page: Page) -> None:
    """Make the last bytes two minutes old. Repeated, because a request that was just cut off may still extend the expiry."""
    expiry = "datetime('now', '+28 minutes')"  # of at first half an hour

    def is_silent() -> bool:
        installation.change(
            f"UPDATE processing_upload SET expires_at = {expiry}"
            f" WHERE album_id = {album_of(page)} AND state = 'receiving'"
        )
        return page.locator("#upload-panel[data-quiet=yes]").count() == 1

    polling.until(is_silent, 60, "the panel does not notice that nothing arrives")


def expect_all_sent(page: Page) -> None:
    expect(page.locator("[data-title]")).to_contain_text(
        re.compile("Upload complete|failed to upload"), timeout=120_000
    )
    assert page.locator(".file-row[data-state=failed]").all_inner_texts() == []
    expect_title(page, "Upload complete")


def wait_for_bytes(gate: Gate, count: int) -> None:
    """Wait until the gate has let `count` bytes pass. A cut after the gate may have lost some of them."""
    polling.until(lambda: gate.passed >= count, 120, f"fewer than {count} bytes went: {gate.passed}")


def begin(page: Page, proxy: Proxy, folder: Path, count: int) -> list[Path]:
    """Send the files of the folder, hold them after `count` bytes until the gate is released, and return them."""
    files = sorted(folder.iterdir())
    proxy.gate.hold_at(count)
    send(page, files)
    wait_for_bytes(proxy.gate, count)
    return files


def ensure_arrived_once(installation: Installation, files: list[Path], album: int) -> None:
    """Assert that each file is a photo, a failed job or a rejected upload, and that stored bytes equal the sent bytes."""
    expected = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    rows = installation.ask(f"SELECT name, state, sha256 FROM processing_upload WHERE album_id = {album}")
    assert sorted(row[0] for row in rows) == sorted(file.name for file in files)
    assert {row[1] for row in rows} <= {"received", "refused"}
    assert sorted(row[2] for row in rows if row[2]) == sorted(expected)[: len([row for row in rows if row[2]])]
    polling.until(lambda: installation.ask(UNFINISHED_JOBS) == [(0,)], 600, "the queue does not run empty")
    rejected = sum(row[1] == "refused" for row in rows)
    [(photos,)] = installation.ask(f"SELECT count(*) FROM albums_photo WHERE album_id = {album}")
    jobs = f"SELECT count(*) FROM processing_processingjob WHERE album_id = {album} AND state = 'failed'"
    [(failed,)] = installation.ask(jobs)
    assert photos + failed + rejected == len(files)
    verified = json.loads(installation.manage("verify", "--json").stdout)
    assert (verified["missing"], verified["corrupt"], verified["orphans"]) == ([], [], [])


def interrupt_network(page: Page, proxy: Proxy, random_source: random.Random) -> str:
    """Interrupt the network in a random way, for a moment or until the page shows it, and return a description."""
    interruption, is_noticed = random_source.choice(("snap", "cut", "offline")), random_source.random() < 0.5
    if interruption == "snap":
        proxy.drop_connections()
        return interruption
    page.context.set_offline(interruption == "offline")
    proxy.cut()  # when offline too: Chromium itself repeats requests that fail on a reused connection
    if is_noticed:
        expect(page.locator("[data-connection]")).to_be_visible()
    proxy.restore()
    page.context.set_offline(False)
    return f"{interruption} {'until it was noticed' if is_noticed else 'for a moment'}"
