"""Which entries the rows of photos become."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from albums.download import contents
from albums.download.archive import Archive, ReadFailed, archive
from albums.download.contents import ChecksumMissing, GeneratedFile
from albums.download.scope import Scope, Size
from albums.models import Photo

pytestmark = pytest.mark.django_db


def whole(of: Archive) -> bytes:
    return b"".join(of.read(range(of.size)))


def opened(of: Archive) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(whole(of)))


def test_times_are_those_of_the_camera_and_without_one_that_of_the_upload(album, add_photo, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    timezone.get_default_timezone.cache_clear()
    moment = datetime(2024, 1, 1, 3, 20, 10, tzinfo=UTC)
    add_photo("abroad.jpg", taken_at=moment, taken_offset_minutes=-300)
    add_photo("unknown zone.jpg", taken_at=moment)
    add_photo("no time.jpg", taken_at=None, created_at=moment)

    times = {info.filename: info.date_time for info in opened(archive(Scope(album.photos.shown()), "")).infolist()}

    timezone.get_default_timezone.cache_clear()
    assert times == {
        "abroad.jpg": (2023, 12, 31, 22, 20, 10),
        "unknown zone.jpg": (2024, 1, 1, 3, 20, 10),
        "no time.jpg": (2024, 1, 1, 12, 20, 10),
    }


def test_photos_of_one_name_get_numbers_with_all_that_belongs_to_them(album, add_photo, add_companion):
    for _ in range(2):
        photo = add_photo("IMG_1.jpg", large=b"webp")
        add_companion(photo, "IMG_1.jpg.xmp", photo.original_sha256.encode())
        add_photo("img_1.dng", shown_as=photo)
    shown = album.photos.shown()

    assert opened(archive(Scope(shown), "")).namelist() == [
        *("IMG_1.jpg", "img_1.dng", "IMG_1.jpg.xmp"),
        *("IMG_1 (2).jpg", "img_1 (2).dng", "IMG_1 (2).jpg.xmp"),
    ]
    assert opened(archive(Scope(shown, Size.LARGE, with_companions=False), "")).namelist() == [
        "IMG_1.webp",
        "IMG_1 (2).webp",
    ]


def test_reading_rows_in_batches_changes_no_byte(album, add_photo, add_companion, monkeypatch):
    for number in range(7):
        add_companion(add_photo(f"{number % 3}.jpg"), "words.xmp", bytes([number]))
    in_one_batch = whole(archive(Scope(album.photos.shown()), ""))

    monkeypatch.setattr(contents, "PHOTOS_PER_QUERY", 2)

    assert whole(archive(Scope(album.photos.shown()), "another title")) == in_one_batch


def test_any_photos_can_be_downloaded_also_of_several_albums(add_photo, their_album, album):
    for owned, rating in ((album, 5), (album, 1), (their_album, 5)):
        add_photo(f"{owned.title} {rating}.jpg", album=owned, rating=rating)

    best = archive(Scope(Photo.objects.filter(rating=5).order_by("-position")), "Best: of 2024?")

    assert (best.name, opened(best).namelist()) == ("Best_ of 2024_.zip", ["Summer 5.jpg", "Theirs 5.jpg"])


def test_generated_files_are_part_of_the_layout_and_made_again_when_they_are_sent(album, add_photo):
    photo = add_photo("IMG_1.jpg", b"original")
    sidecars = {photo.pk: GeneratedFile(".xmp", b"a caption")}
    made = archive(Scope(album.photos.shown()), "", lambda _: sidecars)

    with opened(made) as files:
        assert {name: files.read(name) for name in files.namelist()} == {
            "IMG_1.jpg": b"original",
            "IMG_1.jpg.xmp": b"a caption",
        }
    sidecars[photo.pk] = GeneratedFile(".xmp", b"a CAPTION")
    assert archive(Scope(album.photos.shown()), "", lambda _: sidecars).etag != made.etag
    with pytest.raises(ReadFailed):
        whole(made)


def test_a_snapshot_stays_the_same_when_rows_change(album, add_photo):
    photo = add_photo("IMG_1.jpg", b"original")
    made = archive(Scope(album.photos.shown()), "")
    before = whole(made)

    Photo.objects.update(name="renamed.jpg", trashed_at=timezone.now())

    assert whole(made) == before
    default_storage.delete(photo.original_key)
    with pytest.raises(ReadFailed):
        whole(made)


def test_a_file_without_a_checksum_is_not_guessed(album, add_photo):
    add_photo("IMG_1.jpg", crc32=None)

    with pytest.raises(ChecksumMissing):
        archive(Scope(album.photos.shown()), "")
