"""Two browsers change the same two albums at the same moments: nothing is lost, and both show the same photos in the end."""

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, Route, TimeoutError, expect

from tests import polling
from tests.browser.accounts import Account
from tests.browser.conftest import OpenPage, new_album
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.usefixtures("worker")]

COUNT = 40
FILL = f"""
import hashlib, json
from datetime import timedelta
from albums.models import Album, Photo, Rendition
from processing.storage import store
from tests.albums.grid.filling import fill, taken
from tests.browser.albums.test_grid import webp

def keep(row, prefix, content):
    writer = store().receive(row.key if prefix == "" else row.original_key)
    writer.write(content)
    writer.commit()
    setattr(row, prefix + "bytes", len(content))
    setattr(row, prefix + "sha256", hashlib.sha256(content).hexdigest())

photos = fill(Album.objects.get(pk={{album}}), {COUNT})
for number, photo in enumerate(photos):
    photo.taken_at = taken("2025-05-01T12:00") + timedelta(hours=number * 7 % {COUNT})
    keep(photo, "original_", str(photo.pk).encode())
Photo.objects.bulk_update(photos, ["taken_at", "original_bytes", "original_sha256"])
renditions = list(Rendition.objects.filter(photo__in=photos))
for rendition in renditions:
    keep(rendition, "", webp())
Rendition.objects.bulk_update(renditions, ["bytes", "sha256"])
"""
ALLOW = """
from django.contrib.auth.models import Permission, User
permissions = Permission.objects.filter(codename__in=["change_album", "delete_photo"])
User.objects.get(username="{name}").user_permissions.add(*permissions)
"""
CHANGES = re.compile(r"/(place|sort|undo|selection/move|selection/delete)/$")
KINDS = ("drag", "drag", "place", "sort", "move", "move", "delete", "undo", "undo")
MIN_PHOTOS = 8
"""With fewer photos in an album, a browser continues in the other one."""
SHARED = 6
"""Both browsers choose photos among this many first ones, so that they often choose the same."""
IDS = "tiles => tiles.map(({ id }) => Number(id.replace('photo-', '')))"
IN_VIEW = """tiles => tiles.map((tile) => {
  const { x, y, width, height } = tile.getBoundingClientRect();
  return { tile, x: x + width / 4, y: y + height / 2 };
}).filter(({ tile, x, y }) => y > 100 && y < innerHeight - 100 && document.elementFromPoint(x, y)?.closest(".tile") === tile)
  .map(({ x, y }) => [x, y])"""
"""Where tiles can be dragged without scrolling: points on their left halves."""
IS_NEXT_PAGE = "() => !window.isFormerPage && document.readyState === 'complete'"
IS_NEW_NOTICE = "window.isFormerPage && document.querySelector('#toasts > .toast') !== window.formerNotice"
HAS_ANSWERED = f"() => ({IS_NEXT_PAGE})() || ({IS_NEW_NOTICE})"
"""Whether the page shows what came of a drag: it has a new notice, or the script has loaded another page."""
UNFINISHED = "SELECT count(*) FROM albums_operation WHERE state NOT IN ('done', 'undone')"


class Meeting:
    """Holds the requests of both browsers until both have sent theirs: the server gets them at the same moment."""

    def __init__(self) -> None:
        self.is_holding = False
        self._held: list[Route] = []

    @property
    def held(self) -> list[str]:
        return [route.request.url for route in self._held]

    def hold(self, route: Route) -> None:
        if not self.is_holding or route.request.method != "POST":
            route.continue_()
            return
        self._held.append(route)
        if len(self._held) == 2:
            self.is_holding = False
            held, self._held = self._held, []
            for held_route in held:
                held_route.continue_()


class Photographer:
    """Does random actions on the pages as this browser shows them, while the other one changes the album."""

    def __init__(self, page: Page, meeting: Meeting, albums: list[str], random: Random) -> None:
        self.page, self.albums, self.random = page, albums, random
        self.tiles = page.locator("#photo-grid > .tile")
        self.counts = Counter[str]()
        self.errors: list[str] = []
        self.last = ""
        page.route(CHANGES, meeting.hold)
        page.on("response", self._on_response)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.goto(albums[0])

    def prepare(self) -> Callable[[], None]:
        """Does a random action up to its last click. Returns what does the last click, which sends the request."""
        while True:
            self._choose_album()
            kind = self.random.choice(KINDS)
            send: Callable[[], None] | None = getattr(self, f"_{kind}")()
            if send:
                self.counts[kind] += 1
                self.last = kind
                self._expect_next_page()
                return send

    def settle(self, response: Response) -> None:
        """Waits until the page shows what the request did, and leaves a page that refuses it."""
        if response.request.resource_type == "fetch":
            self.page.wait_for_function(HAS_ANSWERED)
            if not response.ok:
                self._refused()
            elif not self.page.evaluate("window.isFormerPage"):
                self.counts["nothing moved"] += 1
            return
        self.page.wait_for_function(IS_NEXT_PAGE)
        if self.page.get_by_role("heading", name="Switch to manual order?").count():
            self._expect_next_page()
            self.page.get_by_role("button", name="Switch and move").click()
            self.page.wait_for_function(IS_NEXT_PAGE)
        if not self.page.locator("photo-order").count():
            self._refused()

    def _expect_next_page(self) -> None:
        """Marks this document, and its newest notice, to recognise what follows."""
        self.page.evaluate(
            "window.formerNotice = document.querySelector('#toasts > .toast'); window.isFormerPage = true"
        )

    def _refused(self) -> None:
        self.counts["refused"] += 1
        self.page.goto(self.albums[0])

    def _choose_album(self) -> None:
        current = next((album for album in self.albums if self.page.url.startswith(album)), None)
        if current and self.tiles.count() >= MIN_PHOTOS and self.random.random() < 0.8:
            return
        [other] = [album for album in self.albums if album != (current or self.albums[1])]
        self.page.goto(other)
        if self.tiles.count() < MIN_PHOTOS:
            [target] = [album for album in self.albums if album != other]
            self.page.goto(target)

    def _select(self, most: int) -> None:
        for number in self.random.sample(range(SHARED), self.random.randint(1, most)):
            self.tiles.nth(number).locator("a").focus()
            self.page.keyboard.press("x")

    def _drag(self) -> Callable[[], None] | None:
        points = self.tiles.evaluate_all(IN_VIEW)
        if len(points) < 4:
            self.page.goto(self.page.url.partition("?")[0].partition("#")[0])
            return None
        start, end = self.random.sample(range(len(points)), 2)
        if abs(start - end) < 3:  # dropping it there may leave it where it is
            return None
        self.page.mouse.move(*points[start])
        self.page.mouse.down()
        self.page.mouse.move(*points[end], steps=4)
        expect(self.page.locator(".drop-line")).to_be_visible()
        if self.page.locator("photo-order").get_attribute("data-order") in ("manual", "uploaded"):
            return self.page.mouse.up
        self.page.mouse.up()
        return send_by(self.page.locator("photo-order dialog[open]").get_by_role("button", name="Switch and move"))

    def _place(self) -> Callable[[], None] | None:
        photo = self.random.choice(self.tiles.evaluate_all(IDS)[:SHARED])
        response = self.page.goto(f"/photos/{photo}/place/")
        if response is None or response.status == 404:
            self._refused()
            return None
        number = self.page.get_by_label("New position")
        number.fill(str(self.random.randint(1, int(number.get_attribute("max") or 1))))
        return send_by(self.page.get_by_role("button", name="Move", exact=True))

    def _sort(self) -> Callable[[], None]:
        self.page.locator(".sort-menu > summary").click()
        orders = self.page.locator("sort-menu [name=sorted_by]")
        orders.nth(self.random.randrange(orders.count())).press("Space")  # chooses; a click would sort
        return send_by(self.page.locator("sort-menu").get_by_role("button", name="Sort"))

    def _move(self) -> Callable[[], None] | None:
        [target] = [album for album in self.albums if not self.page.url.startswith(album)]
        self._select(3)
        self.page.get_by_role("button", name="Move", exact=True).click()
        chooser = self.page.locator("dialog[open] .chooser")
        expect(chooser.or_(self.page.locator(".notice--bad"))).to_be_visible()
        if not chooser.count():
            self._refused()
            return None
        chooser.locator(f'.target:has([value="{number_of(target)}"])').click()
        return send_by(chooser.get_by_role("button", name="Move here"))

    def _delete(self) -> Callable[[], None]:
        self._select(1)
        return send_by(self.page.locator("photo-selection [data-delete]"))

    def _undo(self) -> Callable[[], None] | None:
        if not self.page.locator("form[data-undo]").count():
            return None
        return lambda: self.page.keyboard.press("z")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self.errors.append(f"{response.status} {response.request.method} {response.url}")


def is_change(response: Response) -> bool:
    return response.request.method == "POST" and bool(CHANGES.search(response.url))


def send_by(button: Locator) -> Callable[[], None]:
    """Clicks without waiting for the next page, because the request is held."""
    return lambda: button.click(no_wait_after=True)


def number_of(album: str) -> int:
    return int(album.rstrip("/").rpartition("/")[2])


def act_together(one: Photographer, other: Photographer, meeting: Meeting) -> None:
    sends = [one.prepare(), other.prepare()]
    meeting.is_holding = True
    try:
        with one.page.expect_response(is_change) as first, other.page.expect_response(is_change) as second:
            for send in sends:
                send()
    except TimeoutError as error:
        shown = [(each.last, each.page.url, each.page.locator("#toasts").inner_text()) for each in (one, other)]
        raise AssertionError(f"no response to both: {shown}, {meeting.held} held") from error
    one.settle(first.value)
    other.settle(second.value)


@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=pytest.mark.long)])
def test_two_browsers_lose_nothing_and_end_with_the_same_view(
    seconds: int,
    open_page: OpenPage,
    installation: Installation,
    users: list[Account],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The owner of the albums, and a user who may change and delete photos of all users."""
    editor = users.pop()
    installation.manage("shell", "--no-imports", "-c", ALLOW.format(name=editor.name))
    pages = [open_page(records_console=False), open_page(editor, records_console=False)]
    albums = [new_album(pages[0], title) for title in ("Rome", "Naples")]
    numbers = ", ".join(str(number_of(album)) for album in albums)
    installation.manage("shell", "--no-imports", "-c", FILL.format(album=number_of(albums[0])))
    meeting = Meeting()
    one, other = (Photographer(page, meeting, albums, Random(seed)) for seed, page in enumerate(pages))
    photos = set(one.tiles.evaluate_all(IDS))
    assert len(photos) == COUNT
    log_start = installation.log.stat().st_size

    ends_at, rounds = time.monotonic() + seconds, 0
    while rounds < 30 or time.monotonic() < ends_at:
        act_together(one, other, meeting)
        rounds += 1

    polling.until(lambda: installation.ask(UNFINISHED) == [(0,)], what="an operation does not end")
    with capsys.disabled():
        sys.stdout.write(f"\n{rounds} rounds: {dict(one.counts)}, {dict(other.counts)}\n")
    assert one.errors + other.errors == []
    assert re.findall(r".*(?:Traceback|ERROR|CRITICAL).*", installation.log.read_text()[log_start:]) == []
    rows = installation.ask(f"SELECT id FROM albums_photo WHERE album_id IN ({numbers})")
    assert sorted(pk for (pk,) in rows) == sorted(photos)
    for album in albums:
        # Undo may return a photo to a position that another one has been given since: their ids order them then.
        shown = f"FROM albums_photo WHERE album_id = {number_of(album)} AND trashed_at IS NULL"
        ids = [pk for (pk,) in installation.ask(f"SELECT id {shown} ORDER BY position, id")]
        for page in pages:
            page.goto(album)
            assert page.locator("#photo-grid > .tile").evaluate_all(IDS) == ids
    report: dict[str, Any] = json.loads(installation.manage("verify", "--json", status=None).stdout)
    assert report["photos"] == COUNT
    assert [report[problem] for problem in ("missing", "corrupt", "orphans")] == [[], [], []]
