"""The action `edit`: what it changes, that it is undone exactly, and that edits at the same time lose nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from albums.edits import columns, editing, overrides
from albums.edits.overrides import RESET, Changes
from albums.models import Album, Operation, OperationStep, Photo
from albums.operations import engine
from albums.selection import Selection
from tests.albums.edits.conftest import described

pytestmark = pytest.mark.django_db

EVERYTHING: Changes = {
    "title": {"set": "Port"},
    "caption": {"set": "Ships\nand boats"},
    "alt_text": {"set": "A harbour in the evening"},
    "keywords": {"add": ["boat"], "remove": ["cat"]},
    "rating": {"set": 5},
    "location": {"set": [51.5, 0.25]},
    "date": {"set": ["2023-01-02T03:04:05", 60]},
}
SINGLE_CHANGES = [
    *({name: change} for name, change in EVERYTHING.items()),
    {"location": {"set": None}},
    {"date": {"shift": -3600}},
    {"title": {"set": ""}},
    {"keywords": {"set": []}},
]


def rows() -> list[dict[str, Any]]:
    return [dict(values) for values in Photo.objects.order_by("pk").values()]


def edit(album: Album, changes: Changes, *photos: Photo) -> Operation | None:
    chosen = Selection(ids=tuple(photo.pk for photo in photos)) if photos else Selection(is_all=True, album_id=album.pk)
    return editing.edit(album.owner, chosen, changes)


def test_all_fields_are_shown_as_edited_and_the_file_s_values_stay(album, photo):
    edit(album, EVERYTHING, photo)

    edited = Photo.objects.get()
    assert (edited.shown_title, edited.shown_caption) == ("Port", "Ships\nand boats")
    assert (edited.description, edited.shown_keywords, edited.stars) == ("A harbour in the evening", ["sea", "boat"], 5)
    assert (edited.shown_latitude, edited.shown_longitude, edited.shown_altitude) == (51.5, 0.25, None)
    assert edited.shown_taken_at == datetime(2023, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert edited.shown_taken_offset_minutes == 60
    assert (edited.title, edited.keywords, edited.rating, edited.latitude) == ("Harbour", ["sea", "cat"], 3, 48.5)


def test_each_edit_is_undone_exactly(album):
    first, *_ = described(album, 3)
    edit(album, {"title": {"set": "Earlier"}, "keywords": {"set": ["x"]}}, first)
    before = rows()

    for changes in SINGLE_CHANGES:
        operation = edit(album, changes)
        assert (operation.done, rows() != before) == (3, True)

        undone = engine.undo(operation)
        assert (undone.state, undone.kept, rows()) == ("undone", 0, before)


def test_resetting_shows_the_file_s_values_again_and_is_undone(album, photo):
    untouched = rows()
    edit(album, EVERYTHING, photo)
    edited = rows()

    operation = edit(album, dict.fromkeys(overrides.COLUMNS, RESET), photo)
    assert rows() == untouched

    engine.undo(operation)
    assert rows() == edited


def test_an_edit_that_changes_nothing_leaves_no_operation(album, photo):
    as_it_is: Changes = {
        "title": {"set": "Harbour"},
        "keywords": {"add": ["SEA"], "remove": ["dog"]},
        "date": {"set": ["2024-05-31T18:30:00", 120]},
    }

    assert edit(album, as_it_is, photo) is None
    assert edit(album, {}, photo) is None
    assert (Operation.objects.count(), OperationStep.objects.count()) == (0, 0)


def test_a_value_as_in_the_file_is_not_an_edit(album, photo):
    edit(album, EVERYTHING, photo)
    edit(album, {"title": {"set": "Harbour"}, "location": {"set": [48.5, -2.25]}, "rating": {"set": 3}}, photo)

    photo.refresh_from_db()
    assert overrides.edited_fields(photo) == {"caption", "alt_text", "keywords", "date"}


def test_dates_are_shifted_in_their_time_zones_and_photos_without_a_date_are_skipped(album):
    first, second, third = described(album, 3)
    Photo.objects.filter(pk=second.pk).update(taken_offset_minutes=None)
    Photo.objects.filter(pk=third.pk).update(taken_at=None)

    operation = edit(album, {"date": {"shift": 90061}})

    assert (operation.done, operation.skipped) == (2, 1)
    shifted = [(photo.shown_taken_at, photo.shown_taken_offset_minutes) for photo in Photo.objects.order_by("pk")]
    later = first.taken_at + timedelta(days=1, hours=1, minutes=1, seconds=1)
    assert shifted == [(later, 120), (later, None), (None, 120)]


def test_undoing_skips_photos_that_changed_since_and_keeps_other_edits(album):
    first, second, _ = described(album, 3)
    operation = edit(album, {"title": {"set": "Port"}})
    edit(album, {"title": {"set": "Marina"}}, first)
    edit(album, {"caption": {"set": "Later"}}, second)

    assert engine.undo(operation).kept == 1
    titles = [(photo.shown_title, photo.shown_caption) for photo in Photo.objects.order_by("pk")]
    assert titles == [("Marina", "Boats"), ("Harbour", "Later"), ("Harbour", "Boats")]


def test_undoing_skips_photos_that_the_user_may_not_change_any_more(album, photo, stranger):
    operation = edit(album, {"title": {"set": "Port"}}, photo)
    Album.objects.update(owner=stranger)

    assert engine.undo(operation).kept == 1
    assert Photo.objects.get().shown_title == "Port"


def test_only_the_changed_columns_are_written(album, photo):
    with CaptureQueriesContext(connection) as queries:
        edit(album, {"title": {"set": "Port"}}, photo)

    updates = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "albums_photo"')]
    assert len(updates) == 1
    assert updates[0].split(" WHERE ")[0] in (
        'UPDATE "albums_photo" SET "edited_title" = \'Port\'',
        'UPDATE "albums_photo" SET "edited_title" = "Port"',
    )


def test_a_step_takes_the_same_number_of_queries_for_any_number_of_photos(album):
    album.owner.get_all_permissions()  # read once for each user
    counts = []
    for photo_count in (10, 300):
        described(album, photo_count)
        for number, photo in enumerate(Photo.objects.all()):  # all different, the worst case
            Photo.objects.filter(pk=photo.pk).update(
                keywords=[f"word {number}"], taken_at=photo.taken_at + timedelta(number)
            )
        with CaptureQueriesContext(connection) as queries:
            edit(album, EVERYTHING | {"date": {"shift": 60}})
        counts.append(len(queries))
        Photo.objects.all().delete()

    assert counts[0] == counts[1]


def test_values_that_differ_from_photo_to_photo_are_written_to_each(album):
    photos = described(album, 8)
    wanted = {photo.pk: {"edited_keywords": [str(photo.pk)] if photo.pk % 2 else None} for photo in photos}
    Photo.objects.update(edited_keywords=["old"])

    columns.write(wanted)

    assert dict(Photo.objects.values_list("pk", "edited_keywords")) == {
        pk: values["edited_keywords"] for pk, values in wanted.items()
    }
    assert Photo.objects.filter(edited_keywords__isnull=True).count() == 4


def test_the_summary_names_the_fields(album):
    described(album, 2)
    summaries = [
        editing.Edit().summary(edit(album, {name: {"set": value} for name, value in changes.items()}))
        for changes in ({"title": "A"}, {"title": "B", "rating": 1}, {"title": "C", "caption": "C", "rating": 2})
    ]

    fields = ["Title", "Title and rating", "Title, caption and rating"]
    assert summaries == [f"{names} of 2 photos changed." for names in fields]


def test_photos_move_to_their_places_in_an_album_sorted_by_what_was_edited(album):
    photos = described(album, 3)
    order = [photo.pk for photo in photos]
    Album.objects.update(sorted_by="rating")

    operation = edit(album, {"rating": {"set": 5}}, photos[2])
    assert [photo.pk for photo in album.photos.all()] == [order[2], *order[:2]]
    edit(album, {"rating": {"set": 1}}, photos[1])
    assert [photo.pk for photo in album.photos.all()] == [order[2], order[0], order[1]]

    engine.undo(operation)
    assert [photo.pk for photo in album.photos.all()] == [order[0], order[2], order[1]]


@pytest.mark.parametrize("days", [-73_000, 2_912_700])
def test_a_date_is_not_shifted_out_of_the_years_that_pages_can_show(album, photo, days):
    """In another time zone, the last day of the year 9999 would be in the year 10000, which no page can show."""
    assert editing.edit(album.owner, Selection(ids=(photo.pk,)), {"date": {"shift": days * 86_400}}) is None
    assert Photo.objects.get().edited_taken_at is None
