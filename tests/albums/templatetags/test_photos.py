"""How the details of a photo are written."""

import pytest

from albums.models import Photo
from albums.templatetags.photos import camera_line, megapixels


@pytest.mark.once
def test_camera_and_exposure_are_one_line():
    photo = Photo(camera="HTC One M8", focal_length_mm=3.82, aperture=2.0, shutter_seconds=0.01, iso=125)

    assert camera_line(photo).replace("\N{NO-BREAK SPACE}", " ") == "HTC One M8 · 3.8 mm · f/2 · 1/100 s · ISO 125"


@pytest.mark.once
def test_unknown_values_are_left_out_of_the_line():
    photo = Photo(camera="Leica", aperture=1.75, focal_length_mm=1200)

    assert camera_line(Photo()) == ""
    assert camera_line(photo) == "Leica · 1200\N{NO-BREAK SPACE}mm · f/1.8"


@pytest.mark.once
@pytest.mark.parametrize(
    ("size", "text"),
    [((6000, 4000), "24 MP"), ((800, 600), "0.5 MP"), ((4000, 2000), "8 MP"), ((20_000, 10_000), "200 MP")],
)
def test_the_number_of_pixels_is_written_in_megapixels(size, text):
    assert megapixels(Photo(width=size[0], height=size[1])) == text
