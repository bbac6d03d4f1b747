"""Layouts that are kept for further requests of the same archive."""

import pytest

from albums.download import archive, recent
from albums.download.contents import ChecksumMissing
from albums.download.scope import Scope, Size
from albums.models import Companion, Photo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_layouts_are_kept(monkeypatch):
    monkeypatch.setattr(recent, "MIN_ENTRIES", 1)
    recent.forget()
    yield
    recent.forget()


@pytest.fixture
def scope(album, add_photo, add_companion) -> Scope:
    for number in range(3):
        add_companion(add_photo(f"{number}.jpg", large=b"webp"), f"{number}.xmp")
    return Scope(album.photos.shown())


def test_a_layout_is_computed_once_while_its_rows_are_the_same(scope):
    first = recent.layout(scope)

    Photo.objects.update(caption="not in the archive", position=7)

    assert recent.layout(scope) is first
    assert archive.archive(scope, "another title").layout is first


def test_each_change_of_the_archive_gives_a_new_layout(album, scope, add_photo, add_companion):
    photo, other = album.photos.order_by("pk")[:2]
    sidecar = other.companions.get()
    etags = {recent.layout(scope).etag}
    changes = (
        lambda: Photo.objects.filter(pk=photo.pk).update(name="renamed.jpg"),
        lambda: Photo.objects.filter(pk=photo.pk).update(
            edited_taken_offset_minutes=60, edited_taken_at=photo.taken_at
        ),
        lambda: Photo.objects.filter(pk=photo.pk).update(original_sha256="0" * 64),
        lambda: Photo.objects.filter(pk=photo.pk).update(trashed_at=photo.created_at),
        lambda: Companion.objects.filter(pk=sidecar.pk).update(crc32=5),
        lambda: Companion.objects.filter(pk=sidecar.pk).update(photo=None),
        lambda: add_companion(other, "more.xmp"),
        lambda: add_photo("4.dng", shown_as=other),
    )

    for count, change in enumerate(changes, 2):
        change()
        etags.add(recent.layout(scope).etag)
        assert len(etags) == count


def test_a_file_that_was_moved_in_storage_is_read_at_its_new_place(album, scope):
    before = recent.layout(scope)
    Photo.objects.filter(name="1.jpg").update(original_key="s3/originals/moved.jpg")

    after = recent.layout(scope)

    assert after.etag == before.etag
    assert "s3/originals/moved.jpg" in [
        part.source for part in after.slices(range(after.size)) if not isinstance(part, bytes)
    ]


def test_a_checksum_that_is_no_longer_known_is_noticed(scope):
    recent.layout(scope)
    Photo.objects.update(crc32=None)

    with pytest.raises(ChecksumMissing):
        recent.layout(scope)


def test_kept_layouts_have_a_bounded_number_of_entries(monkeypatch, album, scope):
    monkeypatch.setattr(recent, "MAX_ENTRIES", 8)
    whole, large, part = scope, Scope(scope.photos, Size.LARGE), Scope(scope.photos.filter(name="1.jpg"))
    layouts = [recent.layout(each) for each in (whole, part)]

    assert [recent.layout(each) is kept for each, kept in zip((whole, part), layouts, strict=True)] == [True, True]
    recent.layout(large)

    assert sum(len(layout) for _, layout in recent._kept.values()) == 8
    assert recent.layout(part) is layouts[1]
    assert recent.layout(whole) is not layouts[0]
