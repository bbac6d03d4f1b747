"""The full-text index: kept up to date by triggers, and equal to a rebuilt one."""

import itertools
import random
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, models
from django.utils import timezone

from albums import removal
from albums.models import Album, Photo
from albums.search import index
from albums.search.query import parse
from albums.search.results import search
from tests.albums.grid.filling import fill

pytestmark = pytest.mark.django_db

IS_SQLITE = connection.vendor == "sqlite"


def content() -> list[tuple[Any, ...]]:
    """All rows of the index. On SQLite, also checks that FTS5's own structures agree with them."""
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for table in ("photo", "album"):
            key = "rowid" if IS_SQLITE else f"{table}_id"
            if IS_SQLITE:
                cursor.execute(f"INSERT INTO albums_{table}_words (albums_{table}_words) VALUES ('integrity-check')")
            cursor.execute(f"SELECT {key}, * FROM albums_{table}_words ORDER BY 1")
            rows += cursor.fetchall()
    return rows


def found(text: str) -> set[Photo]:
    return set(Photo.objects.filter(pk__in=index.photo_ids(parse(f"{text} ").words)))


def is_found(text: str) -> bool:
    return bool(found(text))


def test_after_any_changes_the_index_equals_a_new_one(owner):
    chance, numbers = random.Random(16), itertools.count(1)
    titles = ["Café", "naïve", "東京都", "0412", "Ж", "straße", "", "rome & paris", "x" * 3000, '"quoted"']

    def text() -> str:
        return " ".join(chance.choices(titles, k=chance.randrange(4)))

    def some() -> models.QuerySet[Photo]:
        pks = list(Photo.objects.values_list("pk", flat=True))
        return Photo.objects.filter(pk__in=chance.sample(pks, len(pks) // 3))

    def add() -> None:
        album = Album.objects.order_by("?").first() or Album.objects.create(title="First", owner=owner)
        for _ in range(chance.randrange(4)):
            identity = f"{next(numbers):064}"
            fill(
                album,
                1,
                original_key=identity,
                original_sha256=identity,
                caption=text(),
                keywords=text().split(),
                camera=text()[:200],
            )

    changes = [
        add,
        add,
        lambda: Album.objects.create(title=text()[:200] or "Untitled", owner=owner),
        lambda: Album.objects.all().update(title=text()[:200] or "Renamed"),
        lambda: some().update(edited_caption=text(), edited_keywords=text().split()),
        lambda: some().update(edited_caption=None, edited_keywords=None, edited_title=text()[:500]),
        lambda: some().update(name=f"DSC{chance.randrange(9999):04}.JPG", alt_text=text(), verified_at=timezone.now()),
        lambda: [setattr(photo, "lens", text()[:200]) or photo.save() for photo in some()],
        lambda: Photo.objects.bulk_update(
            [photo for photo in some() if not setattr(photo, "creator", text()[:500])], ["creator"]
        ),
        lambda: some().delete(),
        lambda: removal.delete_album(Album.objects.order_by("?").first()) if chance.random() < 0.1 else None,
    ]
    for _ in range(120):
        if not Album.objects.exists():
            add()
        chance.choice(changes)()
    add()
    before = content()

    index.rebuild(connection)

    assert content() == before
    assert len(before) == Photo.objects.count() + Album.objects.count()


def test_edited_texts_replace_those_of_the_file(album):
    [_photo] = fill(album, 1, title="Alps", caption="Snow", keywords=["ski"])
    Photo.objects.update(edited_title="Dolomites", edited_caption="", edited_keywords=["climbing"])

    assert [is_found(text) for text in ("alps", "snow", "ski", "dolomites", "climbing")] == [False] * 3 + [True] * 2
    Photo.objects.update(edited_title=None, edited_caption=None, edited_keywords=None)
    assert [is_found(text) for text in ("alps", "snow", "ski", "dolomites", "climbing")] == [True] * 3 + [False] * 2


def test_case_accents_and_punctuation_make_no_difference(album):
    for text, query in (
        ("Café Noir", "cafe"),
        ("Cafe\N{COMBINING ACUTE ACCENT}", "CAFÉ"),
        ("Straße", "STRASSE"),
        ("Москва", "москва"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Ærøskøbing", "aeroskobing"),
        ("“Łódź”—harbour", '"lodz harbour"'),
        ("e.g. one/two,three", '"one two three"'),
        ("हिन्दी", "हिन्दी"),
        ("東京タワー", "東京タワー"),
    ):
        [photo] = fill(album, 1, caption=text)
        assert photo in found(query), text


def test_parts_of_file_names_are_words(album):
    first, second = fill(album, 1, name="DSC0412.JPG") + fill(album, 1, name="IMG_20240512_0412.heic")

    assert found("0412") == {first, second}
    assert found("dsc") == found("dsc0412") == found("DSC0412.JPG") == {first}
    assert found("20240512 heic") == {second}


def test_parts_of_chinese_japanese_and_korean_texts_are_found(album, owner):
    [summer] = fill(album, 1, caption="去年の夏休みに東京都へ行った", keywords=["家族写真"], name="京都2024旅行.JPG")
    [korean] = fill(album, 1, caption="우리 가족사진", name="コーヒー.jpg")
    album = Album.objects.create(title="北海道の冬", owner=owner)
    fill(album, 1, caption="")

    for text in (
        "夏休み",
        "東京",
        "京都",
        "夏",
        "写真",
        "東京都へ",
        "旅行.jpg",
        "2024旅行",
        "keyword:写真",
        "夏休み 家族",
    ):
        assert found(text) == {summer}, text
    for text in ("사진", "가족", "우리 사진", "コーヒ", "ヒー"):
        assert found(text) == {korean}, text
    for text in ("京東", "休夏", "写家", "사가"):
        assert found(text) == set(), text
    assert [each.album for each in search(owner, "海道").ordered] == [album]
    assert search(owner, "-夏休み").count == 2


def test_a_long_text_without_spaces_is_found_by_its_beginning_and_within(album):
    # 50,000 characters take 0.1 s; if SQLite looked for each from the start of the text, they would take a minute.
    [photo] = fill(album, 1, caption="".join(chr(0x4E00 + number * 7 % 20_000) for number in range(60_000)))

    assert found(photo.caption[:4]) == found(photo.caption[1_199:1_202]) == {photo}


def test_a_field_is_searched_alone_and_a_prefix_only_where_it_is_asked_for(album):
    camera, caption = fill(album, 1, camera="Canon EOS 5D") + fill(album, 1, caption="Canon in D")

    assert found("canon") == {camera, caption}
    assert found("camera:canon") == {camera}
    assert found('camera:"eos 5d"') == {camera}
    assert found("camera:can") == found("keyword:canon") == set()
    assert set(Photo.objects.filter(pk__in=index.photo_ids(parse("camera:can").words))) == {camera}


def test_a_megabyte_of_different_words_is_stored_and_found_by_its_beginning(album):
    [photo] = fill(album, 1, caption=" ".join(f"w{number}é" for number in range(130_000)))
    Photo.objects.update(edited_caption="\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM} " * 100_000)
    Photo.objects.update(edited_caption=None, alt_text=" ".join(chr(0x20000 + number) for number in range(40_000)))

    assert found("w17é") == {photo}


def test_the_syntax_of_the_database_has_no_meaning(album, owner):
    fill(album, 1, caption="a b c")
    for text in (
        *('"', "a*b", "NEAR(a b)", "words : a", "a OR b", "a AND NOT b", "^a", "'); DROP TABLE x", "a & b | !c", "\\"),
        *("a:*B <-> c", "-a:*", "{a b} : c", "a + b", "%s", "?", "camera:a*"),
    ):
        [photo] = fill(album, 1, caption=f"Begin {text} end")

        phrase = f'"begin {text.replace(chr(34), "")} end"'
        assert photo in found(phrase), text
        assert search(owner, text).count <= Photo.objects.count()


def test_the_command_builds_a_damaged_index_anew(album, capsys):
    photos = set(fill(album, 3, caption="Beach"))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM albums_photo_words")
    assert found("beach") == set()

    call_command("rebuild_search")

    assert found("beach") == photos
    assert "3 photos" in capsys.readouterr().out


@pytest.mark.embedded
@pytest.mark.django_db(transaction=True)
def test_triggers_that_a_migration_drops_are_restored_after_it_with_what_they_missed(album):
    [photo] = fill(album, 1, caption="Before")
    field, wider = Photo._meta.get_field("copyright"), models.CharField(max_length=600, blank=True)
    wider.set_attributes_from_name("copyright")
    wider.model = Photo
    with connection.schema_editor() as editor:
        editor.alter_field(Photo, field, wider)
        editor.alter_field(Photo, wider, field)
    assert not index.is_kept(connection)
    Photo.objects.update(caption="After")

    call_command("migrate", verbosity=0)

    assert index.is_kept(connection)
    assert (found("before"), found("after")) == (set(), {photo})
    Photo.objects.update(caption="Later")
    assert found("later") == {photo}
