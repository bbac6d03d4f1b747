"""Photos uploaded to a Darkroom with a bucket are stored in the bucket after processing."""

import pytest

from tests.installation import Installation
from tests.processing import making

pytestmark = [pytest.mark.faults, pytest.mark.servers, pytest.mark.embedded]  # the test creates its own bucket

KEYS = "SELECT original_key FROM albums_photo UNION SELECT key FROM albums_rendition"


@pytest.mark.smoke
def test_an_uploaded_photo_is_stored_in_the_bucket_and_served_from_it(moto, tmp_path):
    bucket = moto.new_bucket()
    photo = making.jpeg((900, 600))
    with Installation(tmp_path, bucket) as installation:
        installation.start("serve")
        installation.start("run_huey")
        session = installation.sign_in()
        assert installation.send(session, installation.new_album(session, "Summer"), {"one.jpg": photo}).ok

        assert installation.wait_until_idle()["photos"] == 1

        keys = {key.removeprefix("s3/") for (key,) in installation.ask(KEYS)}
        assert keys <= set(moto.names(bucket["S3_BUCKET"]))
        assert [
            path
            for directory in ("originals", "renditions")
            for path in (installation.data_dir / directory).rglob("*.*")
        ] == []
        assert session.get(f"{installation.url}/photos/1/original/", timeout=60).content == photo
