"""Moving photos: everything goes along, what the album has already stays, and undoing restores all rows."""

import itertools

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from albums import album_trash, operations, removal
from albums.models import Album, Companion, PerceptualHash, Photo
from albums.operations import actions, engine
from albums.selection import Selection
from processing.integrity import consistency
from processing.uploads.known_files import KnownFiles
from tests.albums.grid.filling import fill
from tests.albums.moving import library

pytestmark = pytest.mark.django_db


def summary(operation) -> str:
    return str(actions.find(operation.kind).summary(operation))


@pytest.mark.usefixtures("small_steps")
def test_photos_keep_their_order_behind_those_of_the_album(album, target, place):
    fill(target, 1)
    names = [f"{letter}.JPG" for letter in "edcba"]
    for position, name in enumerate(reversed(names)):  # the order of ids differs from that of the album
        fill(album, 1, position=100 - position, name=name)

    operation = place("move", album, target)

    assert [photo.name for photo in target.photos.all()] == ["IMG_0000.JPG", *names]
    positions = list(target.photos.values_list("position", flat=True))
    assert all(after - before >= 1_000 for before, after in itertools.pairwise(positions))
    assert (operation.done, album.photos.count()) == (5, 0)


def test_everything_goes_along_and_comes_back(album, target, place):
    jpeg, raw = library.pair(album, 10)
    third = library.photo(album, 30, edited_rating=4, edited_title="Roof")
    album.cover = jpeg
    album.save()
    rows, files = library.rows(), library.files()

    operation = place("move", [jpeg, third], target)

    assert list(target.photos.all()) == [jpeg, raw, third]
    assert target.photos.get(pk=third.pk).edited_title == "Roof"
    assert set(PerceptualHash.objects.values_list("album", flat=True)) == {target.pk}
    assert Companion.objects.get().album == target
    assert Album.objects.get(pk=album.pk).cover is None
    assert library.files() == files

    assert engine.undo(operation).kept == 0
    assert (library.rows(), library.files()) == (rows, files)


def test_the_same_file_uploaded_again_is_found_in_the_target_only(album, target, place):
    photo = library.photo(album, 1)
    place("move", [photo], target)

    assert KnownFiles(target.pk, [photo.original_sha256]).find(photo.name, photo.original_sha256).photo == photo
    assert KnownFiles(album.pk, [photo.original_sha256]).find(photo.name, photo.original_sha256) is None


@pytest.mark.parametrize("kind", ["move", "copy"])
def test_photos_that_the_album_has_are_reported_and_stay(album, target, place, kind):
    photos = [library.photo(album, position) for position in (1, 2, 3)]
    for photo, columns in zip(photos[:2], ({}, {"trashed_at": photos[0].created_at}), strict=True):
        twin = library.photo(target, photo.position, **columns)
        Photo.objects.filter(pk=twin.pk).update(original_sha256=photo.original_sha256)

    operation = place(kind, album, target)

    verb = "moved" if kind == "move" else "copied"
    link = f'<a href="{target.get_absolute_url()}">Rome</a>'
    assert summary(operation) == f"1 photo was {verb} to {link}. 2 were already there."
    assert (operation.done, operation.skipped, target.photos.shown().count()) == (1, 2, 2)


def test_a_raw_that_the_album_has_keeps_its_pair_together(album, target, place):
    jpeg, raw = library.pair(album, 1)
    twin = library.photo(target, 1)
    Photo.objects.filter(pk=twin.pk).update(original_sha256=raw.original_sha256)

    place("move", [jpeg], target)

    assert set(album.photos.all()) == {jpeg, raw}


def test_of_two_photos_with_the_same_bytes_one_is_moved(owner, album, target, place):
    other_album = Album.objects.create(title="Other", owner=owner)
    twins = [library.photo(album, 1), library.photo(other_album, 1)]
    Photo.objects.update(original_sha256="ab" * 32)

    operation = place("move", twins, target)

    assert (operation.done, list(target.photos.all())) == (1, [twins[0]])


def test_undoing_skips_what_changed_since(owner, album, target, place):
    moved_on, trashed, deleted, duplicate, plain = (library.photo(album, position) for position in range(5))
    operation = place("move", album, target)
    place("move", [moved_on], Album.objects.create(title="Third", owner=owner))
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=trashed.created_at)
    deleted.delete()
    twin = library.photo(album, 9)
    Photo.objects.filter(pk=twin.pk).update(original_sha256=duplicate.original_sha256)

    assert engine.undo(operation).kept == 4
    assert set(album.photos.all()) == {plain, twin}


def test_undoing_restores_nothing_to_an_album_in_the_trash(album, target, place):
    photo = library.photo(album, 1)
    operation = place("move", album, target)
    Album.objects.filter(pk=album.pk).update(trashed_at=photo.created_at)

    assert engine.undo(operation).kept == 1
    assert target.photos.get() == photo


def test_an_album_that_was_deleted_during_the_operation_gets_nothing(album, target, place):
    photo = library.photo(album, 1)
    Album.objects.filter(pk=target.pk).update(trashed_at=photo.created_at)

    operation = place("move", [photo], target)

    assert (operation.done, operation.skipped, album.photos.get()) == (0, 1, photo)
    assert summary(operation) == "1 photo was not moved."


def test_photos_of_others_are_only_moved_away_with_the_permission_to_delete_them(stranger, album, their_album, place):
    photo = library.photo(album, 1)
    stranger.user_permissions.add(Permission.objects.get(codename="change_album"))

    assert place("move", [photo], their_album, type(stranger).objects.get(pk=stranger.pk)).done == 0
    stranger.user_permissions.add(Permission.objects.get(codename="delete_photo"))
    assert place("move", [photo], their_album, type(stranger).objects.get(pk=stranger.pk)).done == 1


@pytest.mark.parametrize("kind", ["move", "delete"])
def test_the_number_of_queries_of_a_step_does_not_depend_on_its_photos(
    album, target, place, monkeypatch, kind, django_assert_max_num_queries, owner
):
    fill(album, 4)
    with django_assert_max_num_queries(40) as few:
        place(kind, album, target)
    fill(album, 400)
    with django_assert_max_num_queries(40) as many:
        place(kind, album, target)

    assert len(many) - len(few) <= 6  # bulk_update splits its rows by the number of parameters


def test_verify_finds_nothing_after_a_move(album, target, place):
    library.pair(album, 1)
    place("move", album, target)

    assert consistency.verify().is_clean


@pytest.mark.parametrize("kind", ["move", "copy", "delete"])
def test_all_results_of_a_search_but_some_are_selected(owner, album, target, place, kind):
    other_album = Album.objects.create(title="Other", owner=owner)
    beach = library.photo(album, 1, title="Beach")
    also_beach = library.photo(other_album, 2, title="Beach at night")
    excluded, town = library.photo(album, 3, title="Beach, blurred"), library.photo(album, 4, title="Town")
    selection = Selection((excluded.pk,), is_all=True, query="beach")

    params = {} if kind == "delete" else {"album": target.pk, "known": 0}
    operation = operations.start(owner, kind, params, selection)

    assert (operation.total, operation.done) == (2, 2)
    remaining = Photo.objects.shown().exclude(album=target)
    assert set(remaining) == ({beach, also_beach} if kind == "copy" else set()) | {excluded, town}


def test_photos_are_moved_from_albums_in_any_order_of_ids(owner, album, target, place, monkeypatch):
    monkeypatch.setattr(engine, "STEP_PHOTOS", 1)
    newer = Album.objects.create(title="Newer", owner=owner)
    photos = [photo for source in (newer, album) for photo in fill(source, 2)]

    place("move", photos, target)

    assert list(target.photos.all()) == [*photos[2:], *photos[:2]]


def test_a_photo_goes_where_a_sorted_album_wants_it(album, target, place):
    Album.objects.filter(pk=target.pk).update(sorted_by="name")
    fill(target, 1, name="a.jpg")
    fill(target, 1, name="c.jpg")
    place("move", fill(album, 1, name="b.jpg"), target)

    assert [photo.name for photo in target.photos.all()] == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(("kind", "what"), [("move", "photos-moved"), ("copy", "photos-deleted")])
def test_undoing_takes_photos_from_an_album_of_another_user_only_with_the_permission(
    client, owner, stranger, album, target, place, caplog, kind, what
):
    owner.user_permissions.add(Permission.objects.get(codename="change_album"))
    library.photo(album, 1)
    client.force_login(owner)
    operation = place(kind, album, target)
    Album.objects.filter(pk=target.pk).update(owner=stranger)
    caplog.set_level("INFO", "darkroom.security")

    client.post(reverse("albums:undo", args=[operation.pk]))

    operation.refresh_from_db()
    assert (operation.kept, target.photos.count(), what in caplog.text) == (1, 1, False)
    owner.user_permissions.add(Permission.objects.get(codename="delete_photo"))
    operation = place(kind, [library.photo(album, 2)], target, User.objects.get(pk=owner.pk))
    client.post(reverse("albums:undo", args=[operation.pk]))
    operation.refresh_from_db()
    assert (operation.kept, target.photos.count(), what in caplog.text) == (0, 1, True)


def test_the_new_title_of_an_album_is_not_shown_to_a_user_who_lost_access(
    client, owner, stranger, album, target, place
):
    library.photo(album, 1)
    operation = place("move", album, target)
    Album.objects.filter(pk=target.pk).update(owner=stranger, title="Secret")
    client.force_login(owner)

    page = client.get(operation.get_absolute_url()).content.decode()

    assert ("Secret" in page, "1 photo was moved to another album." in page) == (False, True)


def test_nothing_is_moved_to_an_album_that_is_being_deleted(album, target, place):
    photo = library.photo(album, 1)
    operations_started = []

    def move(**_):
        operations_started.append(place("move", [photo], target))

    removal.emptied.connect(move)
    try:
        album_trash.delete_now([target.pk])
    finally:
        removal.emptied.disconnect(move)

    assert [operation.done for operation in operations_started] == [0]
    assert (Album.objects.get(), album.photos.get()) == (album, photo)
