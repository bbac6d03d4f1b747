"""Downloads whose client disconnects, and whose files disappear, from the production server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from urllib3.exceptions import ProtocolError

from tests import polling
from tests.installation import Installation

pytestmark = [pytest.mark.faults, pytest.mark.embedded]

FILE_BYTES, COUNT = 5_000_000, 12
"""Together more than server and kernel keep of a response whose client does not read."""
FILL = f"""
import hashlib, os, zlib
from albums.models import Album, Photo
from django.conf import settings
for number in range({COUNT}):
    content = os.urandom({FILE_BYTES})
    path = settings.DATA_DIR / f"originals/ab/{{number:032x}}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    Photo.objects.create(
        album=Album.objects.get(), position=number, name=f"{{number}}.jpg", format="JPEG", width=60, height=40,
        original_key=path.relative_to(settings.DATA_DIR).as_posix(), original_bytes=len(content),
        original_sha256=hashlib.sha256(content).hexdigest(), crc32=zlib.crc32(content),
    )
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Its web server sends one archive at a time."""
    with Installation(tmp_path, {"WEB_THREADS": "8"}) as installation:
        installation.start("serve")
        yield installation


def test_a_download_that_breaks_off_frees_its_slot_and_never_looks_complete(installation):
    session = installation.sign_in()
    url = f"{installation.url}/albums/{installation.new_album(session, 'Summer')}/download.zip?size=original"
    installation.manage("shell", "-c", FILL)

    stalled = session.get(url, stream=True, timeout=60)
    stalled.raw.read(1000)
    assert session.get(url, timeout=60).status_code == 503
    stalled.close()

    def started() -> requests.Response | None:
        response = session.get(url, stream=True, timeout=60)
        return response if response.ok else None

    download = polling.until(started, 60, "the slot is not free again")
    download.raw.read(1000)
    (installation.data_dir / f"originals/ab/{COUNT - 1:032x}.jpg").unlink()
    with pytest.raises(ProtocolError, match="IncompleteRead"):
        download.raw.read()

    assert session.get(url, timeout=60).status_code == 409
    assert "Handling a connection failed" not in installation.log.read_text()
