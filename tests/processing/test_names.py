import json
import os
from pathlib import Path

import pytest

from processing.intake import names

PHOTOS = Path(os.environ.get("DARKROOM_PHOTOS", Path(__file__).parents[3] / "shared" / "photos"))


@pytest.mark.parametrize(
    ("sent", "shown"),
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
    ],
)
def test_a_name_is_shown_in_one_visible_line(sent, shown):
    assert names.shown(sent) == shown


def test_a_long_name_keeps_its_ending():
    shown = names.shown("a" * 300 + ".jpeg")

    assert (len(shown), shown[-6:]) == (names.LONGEST, "….jpeg")


def test_a_long_name_without_an_ending_is_cut():
    assert names.shown("a" * 300) == "a" * 199 + "…"


@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_no_hostile_name_of_the_shared_list_can_be_a_path():
    for entry in json.loads((PHOTOS / "filenames.json").read_text(encoding="utf-8"))["names"]:
        shown = names.shown(entry["name"])
        assert 0 < len(shown) <= names.LONGEST
        assert not set(shown) & set("/\\\0\n\r")
