"""move_storage is killed while people look on: rows and files agree at any moment, and the next run goes on."""

import json
import signal
import threading
from collections.abc import Iterator

import pytest

from processing.lib.failpoints import Point
from tests.faults.aftermath import QUICK
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]

PHOTOS = 4
CLEAN = {"photos": PHOTOS, "missing": [], "corrupt": [], "orphans": []}
IN_BUCKET = "SELECT count(*) FROM albums_photo WHERE original_key LIKE 's3/%'"
KEYS = "SELECT original_key FROM albums_photo UNION SELECT key FROM albums_rendition"


@pytest.fixture(scope="module")
def bucket(moto) -> dict[str, str]:
    return moto.new_bucket()


@pytest.fixture(scope="module")
def site(bucket, tmp_path_factory) -> Iterator[Installation]:
    """Its photos were taken in on the disk; now there is a bucket."""
    with Installation(tmp_path_factory.mktemp("site"), QUICK) as installation:
        installation.start("serve", name="before")
        session = installation.sign_in()
        album = installation.new_album(session, "Summer")
        photos = {f"{number}.jpg": making.jpeg((900, 600)) for number in range(PHOTOS)}
        assert installation.send(session, album, photos).ok
        installation.start("run_huey")
        assert installation.wait_until_idle()["photos"] == PHOTOS
        installation.stop("run_huey")
        installation.stop("before")
        installation.start("serve", env=bucket)
        yield installation


class Visitor:
    """Looks at every photo, again and again."""

    def __init__(self, site: Installation) -> None:
        self.seen = 0
        self.trouble: list[tuple[str, int]] = []
        self._site, self._session, self._ended = site, site.sign_in(), threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Visitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(240)

    def _look(self) -> None:
        while not self._ended.is_set():
            for photo in range(1, PHOTOS + 1):
                for path in (f"/photos/{photo}/original/", f"/photos/{photo}/old/800.webp"):
                    answer = self._session.get(f"{self._site.url}{path}", timeout=240)
                    self.seen += 1
                    if not answer.ok or len(answer.content) < 100:
                        self.trouble.append((path, answer.status_code))


def test_killed_again_and_again_it_ends_clean_and_nobody_misses_a_photo(site, bucket, moto) -> None:
    with Visitor(site) as visitor:
        for point in (f"{Point.MOVING}:1", f"{Point.MOVING}:5", Point.MOVED):
            killed = site.manage("move_storage", "--to", "bucket", env=bucket | {"DARKROOM_FAULT": point}, status=None)
            assert killed.returncode == -signal.SIGKILL
            assert verified(site, bucket) == CLEAN
        assert 0 < site.ask(IN_BUCKET)[0][0] < PHOTOS
        site.manage("move_storage", "--to", "bucket", env=bucket)

    assert (visitor.trouble, visitor.seen > PHOTOS) == ([], True)
    assert site.ask(IN_BUCKET) == [(PHOTOS,)]
    assert verified(site, bucket) == CLEAN
    site.manage("shell", "-c", LATER, env=bucket)
    site.manage("sweep", env=bucket)
    assert objects(moto, bucket) == {key.removeprefix("s3/") for (key,) in site.ask(KEYS)}
    assert [path for room in ("originals", "renditions") for path in (site.data_dir / room).rglob("*.*")] == []


LATER = """
import datetime
from albums.models import Leftover
from django.utils import timezone
Leftover.objects.update(created_at=timezone.now() - datetime.timedelta(days=1))
"""


def objects(moto, bucket) -> set[str]:
    found = moto.client().list_objects_v2(Bucket=bucket["S3_BUCKET"])
    return {each["Key"] for each in found.get("Contents", [])}


def verified(site: Installation, bucket: dict[str, str]) -> dict[str, object]:
    return json.loads(site.manage("verify", "--json", env=bucket, status=None).stdout)
