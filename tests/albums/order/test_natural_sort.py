"""The sort keys of file names."""

import random

import pytest

from albums.columns.natural_sort import natural
from albums.models import Photo
from tests.albums.grid.filling import fill

NAMES = [
    *(
        "_1.jpg",
        "-1.jpg",
        "(1).jpg",
        "IMG_2.JPG",
        "img_2.jpg",
        "IMG_10.JPG",
        "IMG_10a.JPG",
        "IMG_٣٠.JPG",
        "Ärger 1.jpg",
    ),
    *("ärger 2.jpg", "Arm.jpg", "œuvre.jpg", "strasse.jpg", "straße.jpg", "strasse 2.jpg", "Ώρα.jpg", "ель.jpg"),
    *("Ёлка 1.jpg", "ёлка 2.jpg", "ель 10.jpg", "写真2.jpg", "写真10.jpg"),
]


@pytest.mark.once
def test_names_of_any_script_are_sorted_naturally():
    names = [
        "写真10.jpg",
        "ЁЛКА 10.jpg",
        "ёлка 2.jpg",
        "b.jpg",
        "Å2.jpg",
        "a10.jpg",
        "A2.jpg",
        "写真2.jpg",
        "IMG_9.JPG",
    ]
    names += ["IMG_10.JPG", "IMG_010.JPG", "_1.JPG"]

    assert sorted(names, key=natural) == [
        *("_1.JPG", "A2.jpg", "Å2.jpg", "a10.jpg", "b.jpg", "IMG_9.JPG", "IMG_010.JPG", "IMG_10.JPG"),
        *("ёлка 2.jpg", "ЁЛКА 10.jpg", "写真2.jpg", "写真10.jpg"),
    ]


@pytest.mark.django_db
def test_the_database_sorts_names_like_python(album):
    names = random.Random(3).sample(NAMES, len(NAMES))
    for name in names:
        fill(album, 1, name=name)

    by_name = Photo.objects.order_by("name_key").values_list("name", flat=True)

    assert list(by_name) == sorted(names, key=natural)
