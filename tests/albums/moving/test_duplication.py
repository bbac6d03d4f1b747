"""Copying photos: files of their own, and nothing left behind after an error or undoing."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from albums.models import Leftover, Photo
from albums.operations import engine
from processing.integrity import consistency
from processing.maintenance import sweep
from processing.storage import store
from tests.albums.moving import library

pytestmark = pytest.mark.django_db


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_copy_has_all_columns_and_files_of_its_own(album, target, place):
    jpeg, raw = library.pair(album, 10)
    Photo.objects.filter(pk=jpeg.pk).update(edited_rating=5, edited_title="Roof", alt_text="A roof", orientation=6)

    operation = place("copy", [jpeg], target)

    copy, raw_copy = target.photos.all()
    assert (operation.done, raw_copy.shown_as) == (1, copy)
    assert (copy.edited_rating, copy.edited_title, copy.alt_text, copy.orientation) == (5, "Roof", "A roof", 6)
    assert (copy.name, copy.original_sha256) == (jpeg.name, jpeg.original_sha256)
    assert {row.edge for row in copy.renditions.all()} == {400, 800}
    assert len({row.version for row in copy.renditions.all()}) == 1
    assert (copy.companions.get().album, copy.perceptual_hash.album, raw_copy.perceptual_hash.first) == (
        target,
        target,
        raw.perceptual_hash.first,
    )
    assert consistency.verify().is_clean
    assert (Leftover.objects.count(), album.photos.count()) == (0, 2)


@pytest.mark.embedded
def test_a_copy_on_the_disk_is_a_hard_link(album, target, place, data_dir):
    photo = library.photo(album, 1)
    place("copy", [photo], target)

    assert (data_dir / photo.original_key).samefile(data_dir / target.photos.get().original_key)


def test_undoing_deletes_the_copies_with_their_files(album, target, place, commit):
    library.pair(album, 10)
    library.photo(album, 30)
    rows, files = library.rows(), library.files()
    with commit():
        operation = place("copy", album, target)

    with commit():
        assert engine.undo(operation).kept == 0

    assert (library.rows(), library.files()) == (rows, files)


def test_undoing_keeps_copies_that_were_changed(album, target, place, commit):
    for position in range(3):
        library.photo(album, position)
    operation = place("copy", album, target)
    rated, trashed, _ = target.photos.all()
    Photo.objects.filter(pk=rated.pk).update(edited_rating=3)
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())

    with commit():
        assert engine.undo(operation).kept == 2

    assert set(target.photos.all()) == {rated, trashed}
    assert consistency.verify().is_clean


def test_a_copy_survives_the_deletion_of_its_source(album, target, place, commit):
    photo = library.photo(album, 1)
    place("copy", [photo], target)

    with commit():
        photo.delete()

    assert consistency.verify().is_clean
    assert default_storage.exists(target.photos.get().original_key)


def test_a_photo_without_its_file_is_not_copied_but_the_others_are(album, target, place):
    lost, complete_copy = (library.photo(album, position) for position in (1, 2))
    store().delete(lost.original_key)

    operation = place("copy", album, target)

    assert (operation.done, operation.skipped, target.photos.get().name) == (1, 1, complete_copy.name)


def test_files_of_a_step_that_failed_are_deleted_by_the_sweep(album, target, place, monkeypatch, commit):
    library.pair(album, 1)
    files = library.files()
    monkeypatch.setattr(Photo.objects, "bulk_create", fail)

    with pytest.raises(OSError, match="the power is out"):
        place("copy", album, target)
    monkeypatch.undo()
    assert library.files() > files
    age = timedelta(seconds=settings.LEASE_SECONDS + settings.ORPHAN_GRACE_SECONDS + 1)
    Leftover.objects.update(created_at=timezone.now() - age)
    with commit():
        sweep.delete_leftovers(timezone.now())

    assert (library.files(), Leftover.objects.count(), target.photos.count()) == (files, 0, 0)


def test_a_step_whose_photo_was_rendered_again_meanwhile_is_prepared_again(album, target, place, monkeypatch):
    photo = library.photo(album, 1)
    new_key = library.write("renditions/ab/" + "ab" * 16 + "/400.webp", b"400 again")
    prepare = engine.actions.find("copy").prepare
    calls = []

    def prepare_and_render(operation, photos):
        prepared = prepare(operation, photos)
        calls.append(len(prepared.new_keys))
        photo.renditions.filter(edge=400).update(key=new_key)
        return prepared

    monkeypatch.setattr(type(engine.actions.find("copy")), "prepare", lambda _, *args: prepare_and_render(*args))
    operation = place("copy", [photo], target)

    assert (calls, operation.done) == ([3, 3], 1)
    with store().open_local(target.photos.get().renditions.get(edge=400).key) as path:
        assert path.read_bytes() == b"400 again"


def fail(*_args, **_options):
    raise OSError("the power is out")


def test_undoing_keeps_copies_to_which_files_were_added_since(album, target, place, commit):
    for position in range(3):
        library.photo(album, position)
    operation = place("copy", album, target)
    with_raw, with_sidecar, _ = target.photos.all()
    raw = library.photo(target, 9, format="CR2", shown_as=with_raw)
    sidecar = library.sidecar(with_sidecar)

    with commit():
        assert engine.undo(operation).kept == 2

    assert set(target.photos.all()) == {with_raw, with_sidecar, raw}
    assert sidecar in with_sidecar.companions.all()


def test_undoing_keeps_copies_whose_source_was_deleted_permanently(album, target, place, commit):
    deleted, trashed = library.photo(album, 1), library.photo(album, 2)
    operation = place("copy", album, target)
    deleted.delete()
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())

    with commit():
        assert engine.undo(operation).kept == 1

    assert target.photos.get().original_sha256 == deleted.original_sha256
