"""move_storage is killed while photos are requested: rows and files always agree, and the next run continues."""

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
    """An installation with photos on the disk, for which a bucket is now configured."""
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
    """Requests every photo repeatedly."""

    def __init__(self, site: Installation) -> None:
        self.request_count = 0
        self.failures: list[tuple[str, int]] = []
        self._site, self._session, self._ended = site, site.sign_in(), threading.Event()
        self._thread = threading.Thread(target=self._request_photos)

    def __enter__(self) -> "Visitor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(240)

    def _request_photos(self) -> None:
        while not self._ended.is_set():
            for photo in range(1, PHOTOS + 1):
                for path in (f"/photos/{photo}/original/", f"/photos/{photo}/old/800.webp"):
                    response = self._session.get(f"{self._site.url}{path}", timeout=240)
                    self.request_count += 1
                    if not response.ok or len(response.content) < 100:
                        self.failures.append((path, response.status_code))


def test_after_repeated_kills_all_files_are_moved_and_every_request_succeeds(site, bucket, moto) -> None:
    with Visitor(site) as visitor:
        for point in (f"{Point.MOVING}:1", f"{Point.MOVING}:5", Point.MOVED):
            killed = site.manage("move_storage", "--to", "bucket", env=bucket | {"DARKROOM_FAULT": point}, status=None)
            assert killed.returncode == -signal.SIGKILL
            assert verify(site, bucket) == CLEAN
        assert 0 < site.ask(IN_BUCKET)[0][0] < PHOTOS
        site.manage("move_storage", "--to", "bucket", env=bucket)

    assert (visitor.failures, visitor.request_count > PHOTOS) == ([], True)
    assert site.ask(IN_BUCKET) == [(PHOTOS,)]
    assert verify(site, bucket) == CLEAN
    site.manage("shell", "-c", AGE_LEFTOVERS, env=bucket)
    site.manage("sweep", env=bucket)
    assert objects(moto, bucket) == {key.removeprefix("s3/") for (key,) in site.ask(KEYS)}
    assert [
        path for directory in ("originals", "renditions") for path in (site.data_dir / directory).rglob("*.*")
    ] == []


AGE_LEFTOVERS = """
import datetime
from albums.models import Leftover
from django.utils import timezone
Leftover.objects.update(created_at=timezone.now() - datetime.timedelta(days=1))
"""


def objects(moto, bucket) -> set[str]:
    listing = moto.client().list_objects_v2(Bucket=bucket["S3_BUCKET"])
    return {entry["Key"] for entry in listing.get("Contents", [])}


def verify(site: Installation, bucket: dict[str, str]) -> dict[str, object]:
    return json.loads(site.manage("verify", "--json", env=bucket, status=None).stdout)
