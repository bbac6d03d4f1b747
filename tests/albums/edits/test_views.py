"""The pages that edit a photo or a selection, and the requests that rotate."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from albums import operations, trash
from albums.models import Album, Operation, Photo
from albums.operations import engine
from tests.albums.edits.conftest import described

pytestmark = pytest.mark.django_db

FIELD = re.compile(r'<(?:input|textarea|select)[^>]* name="(initial-)?(\w+)"')


def fields_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser sends if the user changes nothing: the initial values of the form, hidden and visible."""
    form = client.get(url).context["form"]
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        value = bound.field.prepare_value(value) if value is not None else ""
        text = value.strftime("%Y-%m-%dT%H:%M:%S") if hasattr(value, "strftime") else value
        data |= {bound.html_name: text, bound.html_initial_name: text}
    return data


def edit(client: Client, photo: Photo, **changes: Any) -> Any:
    url = f"/photos/{photo.pk}/edit/"
    return client.post(url, fields_of(client, url) | changes)


def edit_all(client: Client, album: Album, **fields: Any) -> Any:
    return client.post("/selection/edit/", {"all": "1", "album": album.pk, "save": "1", **fields})


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422
    return dict(response.context["form"].errors)


def test_a_photo_is_edited_and_the_browser_returns_to_it_with_undo(signed_in, photo):
    response = edit(
        signed_in,
        photo,
        title=" Port ",
        caption="Line\r\nbreak",
        alt_text="Ships",
        keywords="boat, Boat , sea",
        rating="0",
        date="2023-01-02T03:04",
        offset="-03:30",
        location="-1.5, 2.25",
    )

    assert (response.status_code, response.url) == (302, f"/photos/{photo.pk}/")
    edited = Photo.objects.get()
    assert (edited.shown_title, edited.shown_caption, edited.alt_text) == ("Port", "Line\nbreak", "Ships")
    assert (edited.shown_keywords, edited.stars) == (["boat", "sea"], 0)
    assert (edited.shown_taken_at.isoformat(), edited.shown_taken_offset_minutes) == ("2023-01-02T06:34:00+00:00", -210)
    assert (edited.shown_latitude, edited.shown_longitude) == (-1.5, 2.25)
    page = unescape(signed_in.get(response.url).content.decode())
    assert "Title, caption, alt text, keywords, rating, location and date changed." in page
    assert f'action="/operations/{Operation.objects.get().pk}/undo/"' in page
    for text in ("Port", "2 January 2023, 03:04", "UTC-03:30, edited", "-1.50000, 2.25000", 'alt="Ships"'):
        assert text in page


def test_saving_an_untouched_form_changes_nothing(signed_in, photo):
    before = Photo.objects.values().get()

    assert edit(signed_in, photo).status_code == 302
    assert (Photo.objects.values().get(), Operation.objects.count()) == (before, 0)


def test_a_stale_form_does_not_overwrite_what_another_user_edited(signed_in, photo):
    url = f"/photos/{photo.pk}/edit/"
    stale = fields_of(signed_in, url)
    edit(signed_in, photo, caption="Theirs", location="")

    signed_in.post(url, stale | {"title": "Mine"})

    photo.refresh_from_db()
    assert (photo.shown_title, photo.shown_caption, photo.shown_latitude) == ("Mine", "Theirs", None)


def test_single_fields_and_all_are_reset_to_the_file(signed_in, photo):
    edit(signed_in, photo, title="Port", caption="Ships", rating="1")

    edit(signed_in, photo, reset=["title"], caption="Boats at night")
    photo.refresh_from_db()
    assert (photo.edited_title, photo.edited_caption, photo.edited_rating) == (None, "Boats at night", 1)
    assert 'name="reset" value="caption"' in signed_in.get(f"/photos/{photo.pk}/edit/").content.decode()

    signed_in.post(f"/photos/{photo.pk}/edit/", {"reset-all": "1"})
    photo.refresh_from_db()
    assert (photo.edited_caption, photo.edited_rating) == (None, None)


INVALID = [
    ("title", "x" * 501, "Ensure this value has at most 500 characters (it has 501)."),
    ("title", "a\x07b", "Remove the control characters from this text."),
    ("keywords", ",".join(map(str, range(201))), "Use at most 200 keywords."),
    ("keywords", "x" * 101, "A keyword has at most 100 characters: “xxxxxxxxxxxxxxxxxxxx…” is longer."),
    ("date", "2024-02-30T10:00", "Enter date and time, as in “2024-05-31 18:30”."),
    ("date", "0001-01-01T00:00", "Enter a date from 1826 to 9998."),
    ("date", "", "Enter a date, or use the file's."),
    ("location", "91, 0", "Latitude is between -90 and 90 degrees."),
    ("location", "0, -180.5", "Longitude is between -180 and 180 degrees."),
    ("location", "north of here", "Enter latitude and longitude in degrees, as in “48.85837, 2.29448”."),
]


def test_an_invalid_value_is_explained_and_nothing_is_saved(signed_in, photo):
    for field, value, message in INVALID:
        response = edit(signed_in, photo, **{"caption": "Valid"} | {field: value})

        assert errors_of(response) == {field: [message]}
    assert (Photo.objects.get().edited_caption, Operation.objects.count()) == (None, 0)


def test_keywords_that_contain_commas_are_separated_by_semicolons(signed_in, photo):
    Photo.objects.update(keywords=["Paris, France", "sea"])

    edit(signed_in, photo, keywords="Paris, France; sea; boat")
    assert Photo.objects.get().shown_keywords == ["Paris, France", "sea", "boat"]
    assert fields_of(signed_in, f"/photos/{photo.pk}/edit/")["keywords"] == "Paris, France; sea; boat;"


def test_a_photo_in_the_trash_is_neither_edited_nor_rotated(signed_in, photo):
    trash.move_to_trash(photo)

    assert signed_in.post(f"/photos/{photo.pk}/edit/", {"title": "Port"}).url == f"/photos/{photo.pk}/"
    assert signed_in.post(f"/photos/{photo.pk}/rotate/", {"turn": "left"}).url == f"/photos/{photo.pk}/"
    assert Operation.objects.count() == 0


def test_the_raw_of_a_pair_is_edited_as_its_jpeg(signed_in, album):
    lead, raw = described(album, 2)
    Photo.objects.filter(pk=raw.pk).update(shown_as=lead)

    assert signed_in.get(f"/photos/{raw.pk}/edit/").url == f"/photos/{lead.pk}/edit/"
    signed_in.post(f"/photos/{raw.pk}/rotate/", {"turn": "right"})
    assert dict(Photo.objects.values_list("pk", "orientation")) == {lead.pk: 6, raw.pk: 1}


@pytest.mark.parametrize(("turn", "orientation", "size"), [("left", 8, (4000, 6000)), ("flip", 2, (6000, 4000))])
def test_a_photo_is_rotated(signed_in, photo, turn, orientation, size):
    response = signed_in.post(f"/photos/{photo.pk}/rotate/", {"turn": turn})

    photo.refresh_from_db()
    assert (response.url, photo.orientation, (photo.width, photo.height)) == (f"/photos/{photo.pk}/", orientation, size)


def test_another_turn_is_rejected(signed_in, photo, album):
    assert signed_in.post(f"/photos/{photo.pk}/rotate/", {"turn": "45"}).status_code == 400
    assert signed_in.post("/selection/rotate/", {"photo": photo.pk}).status_code == 400


def test_the_form_for_a_selection_shows_the_values_with_their_counts(signed_in, album):
    first, second, _ = described(album, 3)
    edit(signed_in, first, title="Port", keywords="boat, sea", location="")
    Photo.objects.filter(pk=second.pk).update(rating=None)

    page = unescape(signed_in.get(f"/selection/edit/?all=1&album={album.pk}").content.decode())
    plain = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for text in (
        "Edit 3 photos",
        "Harbour (2), Port (1)",
        "boat (1)",
        "cat (2)",
        "sea (3)",
        "3 stars (2), Not rated (1)",
        "With a location (2), No location (1)",
        "First: 31 May 2024, 18:30:00 · Last: 31 May 2024, 18:30:00",
    ):
        assert text in plain.replace(" )", ")").replace(" ,", ","), text


def test_a_selection_is_edited_and_the_browser_returns_to_the_album(signed_in, album):
    described(album, 3)

    response = edit_all(
        signed_in,
        album,
        title_action="set",
        title="Port",
        caption="Not set, because the caption is kept",
        keywords="boat",
        keywords_remove=["cat"],
        location_action="none",
        date_action="shift",
        shift_direction="earlier",
        shift_days="1",
        shift_time="1:30",
    )

    assert (response.status_code, response.url) == (302, f"/albums/{album.pk}/")
    for photo in Photo.objects.all():
        assert (photo.shown_title, photo.shown_caption, photo.shown_keywords) == ("Port", "Boats", ["sea", "boat"])
        assert (photo.shown_latitude, photo.shown_taken_at.isoformat()) == (None, "2024-05-30T15:00:00+00:00")
    assert Operation.objects.get().done == 3


def test_the_bar_of_a_search_leads_to_the_form_and_back(signed_in, album):
    first, *_ = described(album, 3)
    Photo.objects.filter(pk=first.pk).update(title="Lake")
    fields = {"all": "1", "q": "harbour", "next": "/search/?q=harbour"}

    page = signed_in.post("/selection/edit/", fields | {"turn": ""}).content.decode()
    assert "Edit 2 photos" in page
    assert '<input type="hidden" name="next" value="/search/?q=harbour">' in page

    response = signed_in.post("/selection/edit/", fields | {"save": "1", "title_action": "set", "title": "Lake"})
    assert (response.url, Operation.objects.get().done) == ("/search/?q=harbour", 2)
    assert {photo.shown_title for photo in Photo.objects.all()} == {"Lake"}


def test_a_preview_shows_the_dates_after_the_change_and_saves_nothing(signed_in, album):
    described(album, 2)

    fields = {"preview": "1", "date_action": "shift", "shift_days": "2", "shift_direction": "later"}
    response = signed_in.post("/selection/edit/", {"all": "1", "album": album.pk} | fields)

    page = response.content.decode()
    assert (response.status_code, page.count("2 Jun 2024, 18:30:00 UTC+02:00")) == (200, 2)
    assert Operation.objects.count() == 0


INCOMPLETE: list[tuple[dict[str, str], dict[str, list[str]]]] = [
    ({"date_action": "shift"}, {"shift_time": ["Enter by how much to shift the dates."]}),
    ({"shift_time": "soon"}, {"shift_time": ["Enter hours, minutes and seconds, as in “1:30:00”."]}),
    ({"date_action": "set"}, {"date": ["Enter a date."]}),
    ({"location_action": "set"}, {"location": ["Enter a location, or choose “No location”."]}),
]


def test_an_incomplete_choice_for_a_selection_is_explained(signed_in, photo, album):
    for fields, errors in INCOMPLETE:
        assert errors_of(edit_all(signed_in, album, **fields)) == errors


def test_a_selection_without_photos_is_rejected(signed_in, their_album):
    their_photo = described(their_album, 1)[0]

    for url in ("/selection/edit/", "/selection/rotate/"):
        for fields in ({}, {"photo": their_photo.pk}, {"all": "1", "album": their_album.pk}):
            response = signed_in.post(url, {"turn": "left", "save": "1", "title_action": "set", **fields})
            assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")
    assert Photo.objects.get().orientation == 1


def test_the_edits_are_downloaded_as_a_sidecar(signed_in, photo):
    assert signed_in.get(f"/photos/{photo.pk}/edits.xmp").status_code == 404
    edit(signed_in, photo, title="Port")

    response = signed_in.get(f"/photos/{photo.pk}/edits.xmp")
    assert "IMG_0000.JPG.xmp" in response["Content-Disposition"]
    assert b"Port" in response.content
    assert f'href="/photos/{photo.pk}/edits.xmp"' in signed_in.get(f"/photos/{photo.pk}/").content.decode()


@pytest.mark.parametrize("keyword", ["a\0", "a" * 101])
def test_what_cannot_be_a_keyword_cannot_be_removed(signed_in, photo, keyword):
    fields = {"photo": photo.pk, "save": "1", "keywords_remove": [keyword]}

    assert signed_in.post("/selection/edit/", fields).status_code == 422
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("action", "fields"), [("rotate", {"turn": "left"}), ("edit", {"reset-all": "1"}), ("delete", {})]
)
def test_a_photo_that_another_user_deletes_at_the_same_time_is_reported(signed_in, photo, monkeypatch, action, fields):
    def start(*arguments: Any) -> None:
        trash.move_to_trash(photo)
        engine.start(*arguments)

    monkeypatch.setattr(operations, "start", start)

    response = signed_in.post(f"/photos/{photo.pk}/{action}/", fields)

    assert (response.status_code, response["X-Error-Code"]) == (422, "nothing-selected")
