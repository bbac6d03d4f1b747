"""The CRC-32 that ZIP files need is recorded whenever files are read or renditions made."""

import zlib
from pathlib import Path

import pytest

from albums.models import Companion, Photo, Rendition
from processing.integrity import post_write, scrub, zip_checksums
from processing.models import Finding
from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(album) -> Photo:
    making.received(album, making.jpeg((500, 400)))
    while worker.develop_next():
        pass
    return Photo.objects.get()


def crc32(data_dir: Path, key: str) -> int:
    return zlib.crc32((data_dir / key).read_bytes())


def test_new_renditions_have_it_at_once_and_originals_when_they_are_read_back(photo, data_dir):
    assert photo.crc32 is None
    assert photo.renditions.count() > 0
    assert {row.crc32 for row in photo.renditions.all()} == {crc32(data_dir, row.key) for row in photo.renditions.all()}

    assert post_write.verify_next()

    photo.refresh_from_db()
    assert photo.crc32 == crc32(data_dir, photo.original_key)


def test_the_background_check_fills_it_in_for_older_files(photo, album, data_dir):
    sidecar = data_dir / photo.original_key
    copy = Companion.objects.create(
        album=album,
        photo=photo,
        kind="sidecar",
        name="a.xmp",
        key=photo.original_key,
        bytes=sidecar.stat().st_size,
        sha256=photo.original_sha256,
    )
    Rendition.objects.update(crc32=None)

    assert scrub.step() == 2

    photo.refresh_from_db()
    copy.refresh_from_db()
    assert photo.crc32 == copy.crc32 == crc32(data_dir, photo.original_key)
    assert not photo.renditions.filter(crc32=None).exists()


def test_a_damaged_file_gets_none(photo, data_dir):
    path = data_dir / photo.original_key
    path.write_bytes(b"x" * path.stat().st_size)

    zip_checksums.read_now([photo.pk], [])

    photo.refresh_from_db()
    assert photo.crc32 is None
    assert list(zip_checksums.damaged_keys()) == [{"key": photo.original_key}]
    assert Finding.objects.get().photo == photo


def test_a_message_reads_the_items_that_still_exist(photo):
    zip_checksums.read_slice(f"[[{photo.pk}, 4711], [4711]]")

    photo.refresh_from_db()
    assert photo.crc32 is not None
