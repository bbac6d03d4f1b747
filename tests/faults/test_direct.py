"""The web process is killed around each step of an upload straight to the bucket. After a sweep, rows and bucket agree."""

import hashlib

import pytest
import requests

from processing.lib.failpoints import Point
from tests import polling
from tests.faults import aftermath
from tests.faults.aftermath import LOCKED, QUICK
from tests.faults.test_crash_points import assert_web_was_killed
from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.embedded, pytest.mark.faults, pytest.mark.servers]  # the test creates its own bucket

STATES = "SELECT name, state FROM processing_upload ORDER BY name"
PHOTOS = "SELECT original_sha256, original_key FROM albums_photo"
PARTS = "SELECT count(*) FROM processing_part"


@pytest.fixture
def environment(moto):
    return moto.new_bucket()


@pytest.fixture
def installation(tmp_path, environment):
    with Installation(tmp_path, QUICK | environment) as installation:
        yield installation


class Sender:
    """A client that continues with presigned URLs of the bucket even if the server has died."""

    def __init__(self, installation: Installation, session: requests.Session, album: int) -> None:
        self.installation, self.session = installation, session
        manifest = self._post(f"/albums/{album}/uploads/manifest/", {"open": False, "files": []})
        self.root = f"{manifest.json()['direct']}/s3/multipart"

    def begin(self, name: str, content: bytes) -> str:
        request_body = {"filename": name, "metadata": {"size": len(content)}}
        return self._post(self.root, request_body).json()["uploadId"]

    def send(self, upload: str, content: bytes) -> None:
        signed = self.session.get(f"{self.installation.url}{self.root}/{upload}/1", timeout=60).json()
        requests.put(signed["url"], content, timeout=60).raise_for_status()

    def complete(self, upload: str) -> requests.Response:
        return self._post(f"{self.root}/{upload}/complete", {})

    def send_file(self, name: str, content: bytes) -> None:
        upload = self.begin(name, content)
        self.send(upload, content)
        self.complete(upload)

    def _post(self, path: str, body: object) -> requests.Response:
        headers = {"X-CSRFToken": self.session.cookies["csrftoken"], "Origin": self.installation.url}
        return self.session.post(self.installation.url + path, json=body, headers=headers, timeout=60)


def test_a_web_process_killed_at_any_step_leaves_no_orphan_and_loses_nothing(installation, moto, environment):
    bucket = environment["S3_BUCKET"]
    contents = {point: making.jpeg() for point in (Point.PARTS_LISTED, Point.PARTS_JOINED)}
    installation.start("serve")
    session = installation.sign_in()
    sender = Sender(installation, session, installation.new_album(session, "Summer"))
    for point in (*contents, Point.PARTS_BEGUN):
        installation.kill("serve")
        installation.log.unlink()
        installation.start("serve", env={"DARKROOM_FAULT": point})
        with pytest.raises(requests.ConnectionError):
            sender.send_file(point, contents.get(point, b"never sent"))
        assert_web_was_killed(installation)
    assert len(moto.multiparts(bucket)) == 2  # one is not completed yet, one was begun and has no row

    installation.kill("serve")
    aftermath.expire(installation)
    installation.start("run_huey")
    polling.until(lambda: is_unlocked(installation), 240, "an upload or a job never ends")
    polling.until(lambda: moto.multiparts(bucket) == [], what="parts are left over")
    polling.until(
        lambda: not [name for name in moto.names(bucket) if "incoming" in name], what="raw files are left over"
    )

    assert installation.ask(STATES) == [
        (Point.PARTS_BEGUN, "expired"),
        (Point.PARTS_JOINED, "received"),
        (Point.PARTS_LISTED, "received"),
    ]
    photos = dict(installation.ask(PHOTOS))
    assert photos.keys() == {hashlib.sha256(content).hexdigest() for content in contents.values()}
    names = moto.names(bucket)
    assert sorted(name for name in names if name.startswith("originals/")) == sorted(
        key.removeprefix("s3/") for key in photos.values()
    )
    assert installation.ask(PARTS) == [(0,)]


def is_unlocked(installation: Installation) -> bool:
    """Expire all uploads, because the sweep extends the time of others in the batch of an upload that it recovers."""
    aftermath.expire_uploads(installation)
    return not installation.ask(LOCKED)
