"""The XMP sidecar of a photo's edits: complete, escaped, deterministic, and read by others."""

import json
import subprocess

import pytest

from albums.edits import editing, xmp
from albums.models import Photo
from albums.selection import Selection
from processing.pipeline import metadata
from processing.pipeline.picture import Gps
from tests.albums.edits.test_editing import EVERYTHING

pytestmark = pytest.mark.django_db

HOSTILE = "Tom & \"Jerry\" <b>'x'</b> ]]> \N{GRINNING FACE} Łódź"


@pytest.fixture
def edited(album, photo) -> Photo:
    texts = {name: {"set": HOSTILE} for name in ("title", "caption", "alt_text")}
    editing.edit(album.owner, Selection(ids=(photo.pk,)), EVERYTHING | texts | {"keywords": {"set": [HOSTILE, "boat"]}})
    Photo.objects.update(orientation=6, file_orientation=3)
    return Photo.objects.get()


def content_of(photo: Photo) -> bytes:
    file = xmp.sidecar(photo)
    assert file is not None
    return file[1]


def test_darkroom_reads_its_own_sidecars(edited):
    name, content = xmp.sidecar(edited)

    read = metadata.read_sidecar(content)
    assert name == "IMG_0000.JPG.xmp"
    assert (read.title, read.caption, read.keywords, read.rating) == (HOSTILE, HOSTILE, (HOSTILE, "boat"), 5)
    assert (read.taken_at, read.gps) == ("2023-01-02T03:04:05+01:00", Gps(51.5, 0.25))


def test_coordinates_are_read_as_they_were_entered(photo):
    for position in ((-33.8567844, 151.2152967), (0.0000001, -0.0000001), (-89.9999999, 179.9999999), (1, -180)):
        Photo.objects.update(edited_latitude=position[0], edited_longitude=position[1])

        assert metadata.read_sidecar(content_of(Photo.objects.get())).gps == Gps(*position)


def test_a_time_without_a_zone_is_read_without_one(photo):
    Photo.objects.update(edited_taken_at=photo.taken_at)

    assert metadata.read_sidecar(content_of(Photo.objects.get())).taken_at == "2024-05-31T16:30:00"


def test_the_same_edits_give_the_same_bytes(edited):
    assert content_of(edited) == content_of(Photo.objects.get())


def test_only_edits_are_in_the_sidecar(photo):
    assert xmp.sidecar(photo) is None

    Photo.objects.update(edited_title="Port", edited_latitude=None, location_removed=True, orientation=6)
    content = content_of(Photo.objects.get()).decode()
    assert "Port" in content
    assert [name for name in ("subject", "GPS", "Rating", "Orientation>") if name in content] == []


def test_exiftool_reads_all_edits(edited, tmp_path):
    path = tmp_path / "edits.xmp"
    path.write_bytes(content_of(edited))
    output = subprocess.run(["exiftool", "-json", "-n", path], capture_output=True, check=True, timeout=60).stdout
    [tags] = json.loads(output)

    texts = [tags[name] for name in ("Title", "Description", "AltTextAccessibility")]
    assert texts == [HOSTILE] * 3
    assert (tags["Subject"], tags["Rating"], tags["Orientation"]) == ([HOSTILE, "boat"], 5, 8)
    assert (tags["DateCreated"], tags["DateTimeOriginal"]) == ("2023:01:02 03:04:05+01:00",) * 2
    assert (tags["GPSLatitude"], tags["GPSLongitude"]) == (51.5, 0.25)


def test_characters_that_xml_cannot_contain_are_left_out(album, photo):
    Photo.objects.update(keywords=["se\x0ba", "boat\ufffe"])
    editing.edit(album.owner, Selection(ids=(photo.pk,)), {"keywords": {"add": ["cat\uffff"]}})
    assert metadata.read_sidecar(content_of(Photo.objects.get())).keywords == ("sea", "boat", "cat")
