"""A complete installation that stores photos in a bucket."""

import hashlib
import re
from collections.abc import Iterator

import pytest
import requests

from tests import polling
from tests.installation import Installation
from tests.processing import making
from tests.s3servers import Moto

PICTURE = making.jpeg((900, 600), number=1)
LARGE = making.jpeg((60, 40), number=2) + bytes(20 << 20)
"""Larger than one part of an S3 upload. Some cameras write such trailing bytes as well."""


@pytest.fixture(scope="module")
def bucket(moto) -> dict[str, str]:
    return moto.new_bucket()


@pytest.fixture(scope="module")
def installation(tmp_path_factory, bucket) -> Iterator[Installation]:
    short_intervals = {
        "SWEEP_SECONDS": "1",
        "BACKOFF_BASE_SECONDS": "0.1",
        "TRASH_DAYS": "0",
        "ORPHAN_GRACE_SECONDS": "0",
    }
    with Installation(tmp_path_factory.mktemp("bucket"), bucket | short_intervals) as installation:
        installation.start("serve")
        installation.start("run_huey")
        yield installation


@pytest.fixture(scope="module")
def session(installation) -> requests.Session:
    return installation.sign_in()


def photos(installation: Installation, album: int) -> list[tuple[int, str, str]]:
    """Id, name and the original's key."""
    return installation.ask(f"SELECT id, name, original_key FROM albums_photo WHERE album_id = {album} ORDER BY name")


def send_by_tus(installation: Installation, session: requests.Session, album: int, name: str, content: bytes) -> None:
    address = installation.new_upload(session, album, name, len(content))
    half = len(content) // 2
    for offset, chunk in ((0, content[:half]), (half, content[half:])):
        response = session.patch(
            address,
            data=chunk,
            headers={
                "Tus-Resumable": "1.0.0",
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
                "X-CSRFToken": session.cookies["csrftoken"],
            },
            timeout=60,
        )
        assert response.status_code == 204, response.text


@pytest.mark.faults
def test_photos_are_stored_served_and_deleted_in_the_bucket(installation, session, bucket, moto):
    album = installation.new_album(session, "Summer")
    send_by_tus(installation, session, album, "large.jpg", LARGE)
    installation.wait_until_idle()
    assert installation.send(session, album, {"small.jpg": PICTURE}).status_code == 200
    installation.wait_until_idle()

    (large, _, large_key), (small, _, _) = photos(installation, album)
    assert large_key.startswith("s3/originals/")
    assert [path for path in installation.data_dir.glob("*/**/*.*") if path.suffix in (".jpg", ".webp", ".part")] == []
    assert moto.multiparts(bucket["S3_BUCKET"]) == []
    assert not any(name.startswith("incoming/") for name in moto.names(bucket["S3_BUCKET"]))

    for photo, content in ((large, LARGE), (small, PICTURE)):
        original = session.get(f"{installation.url}/photos/{photo}/original/", timeout=60)
        assert hashlib.sha256(original.content).hexdigest() == hashlib.sha256(content).hexdigest()
        assert original.url.startswith(moto.url)
        assert "X-Amz-Expires=300" in original.url
        assert original.headers["Content-Disposition"].startswith("attachment; filename=")

    page = session.get(f"{installation.url}/photos/{small}/", timeout=60)
    assert f"img-src 'self' data: blob: {moto.url};" in page.headers["Content-Security-Policy"] + ";"
    image = re.search(r'src="(/photos/\d+/r/[^"]+)"', page.text) or re.search(r'src="(/[^"]+\.webp)"', page.text)
    picture = session.get(installation.url + image[1], timeout=60)
    assert picture.content[:4] + picture.content[8:12] == b"RIFFWEBP"
    assert picture.headers["Content-Type"] == "image/webp"
    assert picture.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert (
        session.get(installation.url + image[1], timeout=60).url == picture.url
    )  # otherwise browsers could not cache the image

    polling.until(lambda: installation.ask("SELECT 1 FROM albums_photo WHERE verified_at IS NULL") == [], 120)
    installation.manage("verify")

    installation.delete_album(session, album)
    polling.until(lambda: moto.names(bucket["S3_BUCKET"]) == [], 120, "the bucket is not empty")
    installation.manage("verify")


@pytest.mark.faults
def test_uploads_are_rejected_while_the_bucket_is_away_and_accepted_afterwards(tmp_path):
    """Stops an S3 server of its own. The server's data are lost with it, so only files sent afterwards are checked."""
    server = Moto()
    try:
        server.start()
        environment = server.new_bucket() | {"SWEEP_SECONDS": "1", "BACKOFF_BASE_SECONDS": "0.1"}
        with Installation(tmp_path, environment) as installation:
            installation.start("serve")
            session = installation.sign_in()
            album = installation.new_album(session, "Summer")
            server.stop()
            polling.until(lambda: not installation.answers(), 120, "the server does not notice")

            rejected = installation.send(session, album, {"early.jpg": making.jpeg(number=4)})
            assert (rejected.status_code, rejected.json()["error"]) == (503, "storage-away")

            server.start()
            server.client().create_bucket(Bucket=environment["S3_BUCKET"])
            polling.until(installation.answers, 120, "the server does not notice")
            assert installation.send(session, album, {"late.jpg": making.jpeg(number=5)}).status_code == 200
            installation.start("run_huey")
            installation.wait_until_idle()

            assert [name for _, name, _ in photos(installation, album)] == ["late.jpg"]
            installation.manage("verify")
    finally:
        server.stop()
