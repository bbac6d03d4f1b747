"""The photos that queries find."""

import random

import pytest
from django.utils import timezone

from albums.models import Album, Companion, Photo
from albums.search import results
from albums.search.results import search
from albums.selection import Selection
from tests.albums.grid.filling import fill, taken

pytestmark = pytest.mark.django_db


def found(user, text: str, album=None) -> list[Photo]:
    photos = list(search(user, text, album).ordered)
    assert search(user, text, album).count == len(photos)
    return photos


def test_words_may_be_in_the_photo_and_in_the_title_of_its_album(owner, album):
    [beach] = fill(album, 1, caption="Beach")
    rome = Album.objects.create(title="Rome 2024", owner=owner)
    inside, forum = fill(rome, 1, caption="Museum"), fill(album, 1, caption="Rome, the museum")

    assert set(found(owner, "rome museum")) == {*inside, *forum}
    assert found(owner, "rome -forum -2024") == forum
    assert found(owner, "album:rome") == inside
    assert set(found(owner, "-album:rome")) == {beach, *forum}
    assert found(owner, "muse rome 2024") == []
    assert found(owner, "museum 20") == inside
    Album.objects.filter(pk=rome.pk).update(title="Milan")
    assert found(owner, "rome museum") == forum


def test_dates_are_those_of_the_camera_and_edits_come_first(owner, album):
    [midnight] = fill(album, 1, taken_at=taken("2024-04-30T23:30"), taken_offset_minutes=60)
    [edited] = fill(album, 1, taken_at=taken("2020-01-01T00:00"), edited_taken_at=taken("2024-05-31T23:59"))
    fill(album, 1, taken_at=taken("2024-06-01T00:00"))
    [undated] = fill(album, 1)

    assert found(owner, "taken:2024-05") == [edited, midnight]
    assert found(owner, "-has:date") == [undated]
    assert found(owner, "taken:..9999-12-30")[-1:] == [midnight]
    assert len(found(owner, "taken:>=0001")) == 3


def test_ratings_are_those_that_are_shown(owner, album):
    rejected, unrated, three, five = (fill(album, 1, rating=rating)[0] for rating in (-1, None, 3, 1))
    Photo.objects.filter(pk=five.pk).update(edited_rating=5)

    for text, expected in {
        "rating:>=3": {three, five},
        "rating:0": {unrated},
        "rating:-1": {rejected},
        "rating:3..4": {three},
        "-rating:>=3": {rejected, unrated},
        "has:rating": {three, five},
    }.items():
        assert set(found(owner, text)) == expected, text


def test_types_include_the_raws_and_videos_of_pairs(owner, album):
    jpeg, raw, half, alone = fill(album, 4)
    Photo.objects.filter(pk__in=(half.pk, alone.pk)).update(format="CR2")
    Photo.objects.filter(pk=half.pk).update(shown_as=jpeg)
    Photo.objects.filter(pk=raw.pk).update(format="HEIF")
    Companion.objects.create(album=album, photo=raw, kind="motion", name="a.mov", key="a", bytes=1, sha256="0")

    assert set(found(owner, "type:raw")) == {jpeg, alone}
    assert found(owner, "type:jpg") == [jpeg]
    assert found(owner, "type:heic") == found(owner, "type:live") == [raw]


def test_a_photo_is_found_by_the_file_name_of_the_raw_that_it_is_shown_for(owner, album):
    lead = fill(album, 1, name="IMG_1.JPG")[0]
    half, alone, other = (fill(album, 1, name=name)[0] for name in ("IMG_1.CR3", "IMG_2.cr3", "IMG_3.JPG"))
    Photo.objects.filter(pk=half.pk).update(shown_as=lead)

    assert found(owner, "IMG_1.CR3") == [lead]
    assert set(found(owner, "cr3")) == {lead, alone}
    assert set(found(owner, "-cr3")) == {other}
    assert found(owner, "img_1.cr3 jpg") == [lead]
    Album.objects.filter(pk=album.pk).update(title="The CR3 album")
    assert set(found(owner, "cr3")) == {lead, alone, other}


def test_edits_and_parts_are_found(owner, album):
    plain, edited = fill(album, 2, caption="Beach", keywords=["sea"], latitude=1.0, longitude=2.0)
    Photo.objects.filter(pk=edited.pk).update(edited_caption="", edited_keywords=[], alt_text="A beach")

    assert found(owner, "is:edited") == [edited]
    assert found(owner, "has:caption") == found(owner, "has:keywords") == [plain]
    assert found(owner, "has:title") == []
    assert set(found(owner, "has:location")) == {plain, edited}


def test_trash_raws_of_pairs_and_archived_albums_are_left_out(owner, album):
    shown, half, trashed = fill(album, 3)
    Photo.objects.filter(pk=half.pk).update(shown_as=shown)
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=timezone.now())
    archive, bin_ = (Album.objects.create(title=title, owner=owner) for title in ("Archive", "Bin"))
    archived, _ = fill(archive, 1), fill(bin_, 1)
    Album.objects.filter(pk=archive.pk).update(archived_at=timezone.now())
    Album.objects.filter(pk=bin_.pk).update(trashed_at=timezone.now())

    assert found(owner, "img") == [shown]
    assert found(owner, "img is:archived") == archived
    assert found(owner, "img", archive.pk) == archived
    assert set(found(owner, "img -is:archived")) == {shown}
    assert found(owner, "") == found(owner, "  -  ") == []


def test_all_results_but_some_are_selected(owner, stranger, album):
    first, second, other = fill(album, 3, caption="Beach")
    Photo.objects.filter(pk=other.pk).update(caption="")
    selection = Selection((second.pk,), is_all=True, query="beach")

    assert list(selection.photos(owner)) == [first]
    assert list(Selection(is_all=True, query="beach", album_id=album.pk).photos(owner)) == [first, second]
    assert list(selection.photos(stranger)) == []
    assert list(Selection(is_all=True, query="  ").photos(owner)) == []


def test_more_results_than_are_counted_have_the_same_order(owner, album, monkeypatch):
    fill(album, 20, caption="Beach")
    fill(album, 20, taken_at=taken("2020-01-01T00:00"), caption="Beach")
    few = found(owner, "beach summer img -mountain")
    monkeypatch.setattr(results, "MAX_COUNT", 10)

    many = search(owner, "beach summer img -mountain")

    assert list(many.ordered) == few
    assert (len(few), many.count, many.count_text) == (40, 11, "10+ photos")


def test_the_order_is_that_of_the_cameras_clock(owner, album):
    chance = random.Random(16)
    for _ in range(40):
        moments = [taken(f"20{chance.randrange(10, 99)}-01-01T00:00:00.{chance.randrange(1000):03}") for _ in range(2)]
        times = {"taken_at": moments[0], "taken_offset_minutes": chance.choice((None, -600, 90))}
        edits = {"edited_taken_at": moments[1], "edited_taken_offset_minutes": chance.choice((None, 60))}
        fill(album, 1, **times | (edits if chance.random() < 0.5 else {}))

    photos = found(owner, "img")

    assert photos == list(Photo.objects.by_time())[::-1]
    assert len(photos) == 40


@pytest.mark.embedded
def test_without_statistics_sqlite_reads_long_results_and_dates_by_the_index_of_dates(owner, album, monkeypatch):
    fill(album, 20, caption="Beach", taken_at=taken("2020-01-01T00:00"))
    assert "photo_place (<expr>>? AND <expr><?)" in search(owner, "taken:2020").photos.order_by().explain()
    monkeypatch.setattr(results, "MAX_COUNT", 10)

    plan = search(owner, "beach summer").ordered.explain()

    assert "SCAN albums_photo USING INDEX photo_place" in plan
    assert "FOR ORDER BY" not in plan
