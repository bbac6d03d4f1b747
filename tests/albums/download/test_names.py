"""File names in archives."""

import random

import pytest

from albums.download.names import MAX_BYTES, UniqueNames, safe

pytestmark = pytest.mark.once


def test_names_are_possible_on_every_system():
    names = {
        "IMG_1.JPG": "IMG_1.JPG",
        "写真 — été 🏖️.heic": "写真 — été 🏖️.heic",
        "fu\u0308r.jpg": "für.jpg",
        "../../etc/passwd": ".._.._etc_passwd",
        "C:\\photos\\a.jpg": "C__photos_a.jpg",
        'a<b>"c"|d?*.jpg': "a_b__c__d__.jpg",
        "a\x00b\nc\x7f.jpg": "a_b_c_.jpg",
        "gpj.\u202eexe": "gpj._exe",
        "half \ud83d.jpg": "half _.jpg",
        " spaces and dots . . ": "spaces and dots",
        "..": "file",
        "": "file",
        "CON": "_CON",
        "nul.tar.gz": "_nul.tar.gz",
        "Com1 .jpg": "_Com1 .jpg",
        "console.jpg": "console.jpg",
        ".hidden": ".hidden",
    }

    assert {name: safe(name) for name in names} == names


def test_long_names_keep_their_extension_and_whole_characters():
    name = safe("写" * 255 + ".jpeg")

    assert (name[:3], name[-6:]) == ("写写写", "写.jpeg")
    assert len(name.encode()) in (MAX_BYTES, MAX_BYTES - 1, MAX_BYTES - 2)
    assert len(safe("a." + "b" * 250).encode()) == MAX_BYTES


def test_equal_names_are_numbered_also_where_systems_ignore_case():
    names = UniqueNames()

    assert [names.group([name])[0] for name in ("IMG_1.jpg", "img_1.JPG", "IMG_1.jpg", "IMG_1 (2).jpg")] == [
        "IMG_1.jpg",
        "img_1 (2).JPG",
        "IMG_1 (3).jpg",
        "IMG_1 (2) (2).jpg",
    ]


def test_files_of_one_photo_get_the_same_number():
    names = UniqueNames()
    files = ["IMG_1.jpg", "IMG_1.dng", "IMG_1.jpg.xmp", "cover.xmp"]

    assert names.group(files) == files
    assert names.group(files) == ["IMG_1 (2).jpg", "IMG_1 (2).dng", "IMG_1 (2).jpg.xmp", "cover (2).xmp"]
    assert names.group(["IMG_2.jpg", "IMG_2.XMP", "IMG_2.xmp"]) == ["IMG_2.jpg", "IMG_2.XMP", "IMG_2 (2).xmp"]


def test_random_names_are_unique_short_enough_and_the_same_each_time():
    chance = random.Random(7)
    groups = [[_random_name(chance) for _ in range(chance.randrange(1, 4))] for _ in range(3000)]

    first, second = UniqueNames(), UniqueNames()
    taken = [name for group in groups for name in first.group(group)]

    assert taken == [name for group in groups for name in second.group(group)]
    assert len({name.casefold() for name in taken}) == len(taken)
    assert max(len(name.encode()) for name in taken) <= 255
    assert not any(set(name) & set('/\\:*?"<>|\0') or name.endswith((".", " ")) for name in taken)


def _random_name(chance: random.Random) -> str:
    alphabet = "ab. ()2/\\:写é\u0301İßßK.\x1f🏖"
    return "".join(chance.choices(alphabet, k=chance.choice([0, 1, 2, 3, 255])))
