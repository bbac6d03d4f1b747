import json
import os
from pathlib import Path

import pytest

from processing.uploads import filenames

PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[4] / "shared" / "photos"))


@pytest.mark.parametrize(
    ("name", "charset"),
    [("Zürich.jpg", "cp1252"), ("Москва.jpg", "cp1251"), ("東京タワー.jpg", "cp932"), ("Café.jpg", "mac_roman")],
)
def test_a_name_in_another_charset_is_decoded(name, charset):
    assert filenames.displayed(os.fsdecode(name.encode(charset))) == name


def test_bytes_of_a_name_that_are_not_text_are_left_out():
    assert filenames.displayed("a\udcff\ud800b.jpg") == "ab.jpg"


ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    ("raw_name", "displayed_name"),
    [
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("../../etc/passwd.jpg", "passwd.jpg"),
        (r"C:\Users\me\cat.png", "cat.png"),
        ("photo.jpg\0.php", "photo.jpg.php"),
        ("line\nbreak.jpg", "linebreak.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("Cre\u0301mieux.tif", "Crémieux.tif"),
        ("👨‍👩‍👧.png", "👨‍👩‍👧.png"),
        ("  spaced .jpg ", "spaced .jpg"),
        ("..", ".."),
        ("", "unnamed"),
        ("dir/", "unnamed"),
        ("\x00\x01", "unnamed"),
        ("lone \ud800 surrogate.jpg", "lone  surrogate.jpg"),
        ("\U0001fae9 tired \U0001f6d8.jpg", "\U0001fae9 tired \U0001f6d8.jpg"),
        ("\U0001fb00 \u0c5b.jpg", "\U0001fb00 \u0c5b.jpg"),
        ("\u0645\u06cc\u200c\u062e\u0648.jpg", "\u0645\u06cc\u200c\u062e\u0648.jpg"),
        (f"England {ENGLAND}.jpg", f"England {ENGLAND}.jpg"),
        ("hidden\U000e0061\U000e007f.jpg", "hidden.jpg"),
        ("\u200eIMG-20240131-WA0007.jpg", "IMG-20240131-WA0007.jpg"),
        ("soft\u00adhyphen\u2060.jpg", "softhyphen.jpg"),
        ("\ufa19社.jpg", "\ufa19社.jpg"),
        ("\u200d", "unnamed"),
        ("12\u223630 100% real%20.jpg", "12\u223630 100% real%20.jpg"),
    ],
)
def test_a_name_is_displayed_as_one_visible_line(raw_name, displayed_name):
    assert filenames.displayed(raw_name) == displayed_name


def test_a_long_name_keeps_its_extension():
    displayed_name = filenames.displayed("a" * 300 + ".jpeg")

    assert (len(displayed_name), displayed_name[-6:]) == (filenames.MAX_LENGTH, "….jpeg")


def test_a_long_name_is_not_cut_within_an_emoji():
    displayed_name = filenames.displayed("a" * 190 + ENGLAND * 9 + ".jpeg")

    assert displayed_name == "a" * 190 + "….jpeg"


@pytest.mark.parametrize(
    ("escaped", "unescaped"),
    [
        ("say %22cheese%22.jpg", 'say "cheese".jpg'),
        ("a%0D%0Ab%0ac.jpg", "a\r\nb\nc.jpg"),
        ("100%25 real%20.jpg", "100%25 real%20.jpg"),
        ("50%.jpg", "50%.jpg"),
    ],
)
def test_characters_that_browsers_escape_in_a_form_are_unescaped(escaped, unescaped):
    assert filenames.unescape_form_name(escaped) == unescaped


def test_a_long_name_without_an_extension_is_cut():
    assert filenames.displayed("a" * 300) == "a" * 199 + "…"


@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_no_hostile_name_of_the_shared_list_is_displayed_as_a_path():
    for entry in json.loads((PHOTOS / "filenames.json").read_text(encoding="utf-8"))["names"]:
        displayed_name = filenames.displayed(entry["name"])
        assert 0 < len(displayed_name) <= filenames.MAX_LENGTH
        assert not set(displayed_name) & set("/\\\0\n\r")


@pytest.mark.parametrize(
    ("sent", "note"),
    [
        ("IMG_0001.JPG", ""),
        ("Cre\u0301mieux.tif", ""),
        ("\u1112\u1161\u11ab.jpg", ""),
        ("DCIM/100APPLE/IMG_1.HEIC", ""),
        (r"C:\Users\me\Cre\u0301mieux.png", ""),
        (" spaced.jpg ", ""),
        ("\u200e", filenames.HIDDEN_PARTS),
        ("", filenames.HIDDEN_PARTS),
        ("evil\u202egpj.exe", filenames.HIDDEN_PARTS),
        ("photo.jpg\0.php", filenames.HIDDEN_PARTS),
        ("a" * 300 + ".jpg", filenames.TOO_LONG),
        ("a" * 196 + ".jpg", ""),
    ],
)
def test_a_note_is_only_on_names_that_a_person_sees_otherwise(sent, note):
    assert filenames.was_changed_note(sent) == note
