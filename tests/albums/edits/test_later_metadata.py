"""Metadata that arrives after a user's edits changes the file's values, never the user's."""

import pytest

from albums.edits import editing
from albums.models import Album, Photo
from albums.selection import Selection
from processing.rendering import rerender
from tests.albums.edits.test_editing import EVERYTHING
from tests.processing import making
from tests.processing.jobs.test_grouping import develop, jpeg, sidecar

pytestmark = pytest.mark.django_db

EDITED = (
    *(
        "edited_title",
        "edited_caption",
        "edited_keywords",
        "edited_rating",
        "edited_taken_at",
        "alt_text",
        "orientation",
    ),
    *("edited_taken_offset_minutes", "edited_latitude", "edited_longitude", "location_removed"),
)


def edit(album: Album, photo: Photo) -> None:
    assert editing.edit(album.owner, Selection(ids=(photo.pk,)), EVERYTHING)


def test_a_sidecar_that_arrives_later_does_not_overwrite_edits(album):
    batch = making.upload(album, "IMG_2.JPG").batch  # keeps the batch open
    making.received(album, jpeg(), name="IMG_1.JPG", batch=batch)
    develop()
    edit(album, Photo.objects.get())
    edited = Photo.objects.values(*EDITED).get()

    content = sidecar(exif_DateTimeOriginal="2020-02-03T04:05:06", exif_GPSLatitude="1,0N", exif_GPSLongitude="2,0E")
    making.received(album, content, name="IMG_1.xmp", batch=batch)
    develop()

    photo = Photo.objects.get()
    assert (photo.title, photo.latitude, photo.taken_from) == ("Evening", 1.0, "xmp")
    assert (photo.shown_title, photo.shown_keywords, photo.shown_latitude) == ("Port", ["boat"], 51.5)
    assert Photo.objects.values(*EDITED).get() == edited


def test_rendering_a_photo_again_keeps_edits(album):
    making.received(album, jpeg(), name="IMG_1.JPG")
    develop()
    edit(album, Photo.objects.get())
    edited = Photo.objects.values(*EDITED).get()

    rerender.enqueue(Photo.objects.all())
    assert rerender.render_next()

    assert Photo.objects.values(*EDITED).get() == edited
