"""Cameras, lenses and coordinates are read; hostile metadata never makes a photo fail."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from processing.pipeline.containers import png_chunks
from processing.pipeline.picture import Exposure, Gps, Metadata
from processing.pipeline.render.develop import develop
from tests.pipeline.metadata.conftest import Read, through_json, xmp_element

ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132


def test_a_picture_without_metadata_has_none(read: Read) -> None:
    assert read() == Metadata()


def test_the_json_of_a_picture_has_exactly_these_keys(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (500, 10)).save(source, "JPEG")

    picture = develop(source, out).as_json()

    assert set(picture) == {
        "format", "width", "height", "taken_at", "camera", "lens", "exposure", "gps", "title", "caption",
        "keywords", "creator", "copyright", "rating", "placeholder", "renditions", "recipe",
        "frames", "notes", "taken_from", "likeness", "colours", "orientation",
    }  # fmt: skip
    assert picture["exposure"] == {
        "aperture": None, "shutter_seconds": None, "iso": None, "focal_length_mm": None
    }  # fmt: skip
    assert set(picture["renditions"][0]) == {"path", "width", "height", "bytes"}


def test_camera_lens_and_exposure_are_read(read: Read) -> None:
    metadata = read(
        {0x010F: "Canon", 0x0110: "Canon EOS 5D"},
        {0xA434: "EF24-70mm", 0x829D: 2.8, 0x829A: IFDRational(1, 250), 0x8827: 400, 0x920A: 35.0},
    )

    assert (metadata.camera, metadata.lens) == ("Canon EOS 5D", "EF24-70mm")
    assert metadata.exposure == Exposure(2.8, 0.004, 400, 35.0)


CAMERAS = {
    ("NIKON CORPORATION", "NIKON D90"): "NIKON D90",
    ("EASTMAN KODAK COMPANY", "KODAK M5370"): "KODAK M5370",
    ("Apple", "iPhone 6s"): "Apple iPhone 6s",
    ("", "Lumia 800"): "Lumia 800",
    ("SONY", ""): "SONY",
    ("", ""): None,
}


@pytest.mark.parametrize(("make_and_model", "camera"), CAMERAS.items(), ids=str)
def test_the_make_is_not_repeated_in_the_cameras_name(
    read: Read, make_and_model: tuple[str, str], camera: str | None
) -> None:
    assert read({0x010F: make_and_model[0], 0x0110: make_and_model[1]}).camera == camera


LENSES = {
    "a zoom": ((18, 55, 3.5, 5.6), "18-55mm f/3.5-5.6"),
    "a zoom of one aperture": ((70, 200, IFDRational(28, 10), IFDRational(28, 10)), "70-200mm f/2.8"),
    "of one focal length": ((IFDRational(83, 20), IFDRational(83, 20), 2.2, 2.2), "4.15mm f/2.2"),
    "apertures undefined": ((16, 35, IFDRational(0, 0), IFDRational(0, 0)), "16-35mm"),
    "focal lengths undefined": ((IFDRational(0, 0), IFDRational(0, 0), 2.8, 2.8), None),
    "zeros": ((0, 0, 0, 0), None),
    "focal lengths in the wrong order": ((55, 18, 3.5, 5.6), None),
    "two of four numbers": ((18, 55), None),
}


@pytest.mark.parametrize(("numbers", "lens"), LENSES.values(), ids=LENSES)
def test_a_lens_without_a_name_is_named_by_its_specification(
    read: Read, numbers: tuple[Any, ...], lens: str | None
) -> None:
    specification = tuple(IFDRational(number) if not isinstance(number, IFDRational) else number for number in numbers)

    assert read(camera={0xA432: specification}).lens == lens
    assert read(camera={0xA432: specification, 0xA434: "EF24-70mm"}).lens == "EF24-70mm"


def test_impossible_exposures_are_left_out(read: Read) -> None:
    undefined = IFDRational(0, 0)

    assert read(camera={0x829D: undefined, 0x829A: undefined, 0x920A: IFDRational(5, 0)}).exposure == Exposure()


def test_camera_tags_in_the_main_directory_are_read(read: Read) -> None:
    tags = {
        0xA434: "EF24-70mm",
        0x829D: 2.8,
        0x8827: 400,
        ORIGINAL: "2021:04:10 11:44:00",
        0x9291: "5",
        0x9011: "+02:00",
    }

    metadata = read(tags)

    assert (metadata.lens, metadata.taken_at) == ("EF24-70mm", "2021-04-10T11:44:00.500+02:00")
    assert (metadata.exposure.aperture, metadata.exposure.iso) == (2.8, 400)
    assert read(tags, {0xA434: "RF50mm"}).lens == "RF50mm"


def test_coordinates_south_west_and_below_sea_level_are_read(read: Read) -> None:
    metadata = read(gps={1: "S", 2: (33.0, 51.0, 36.0), 3: "W", 4: (70.0, 30.0, 0.0), 5: b"\1", 6: 12.5})

    assert metadata.gps == Gps(-33.86, -70.5, -12.5)


UNDEFINED = IFDRational(0, 0)


INVALID_COORDINATES = {
    "0/0": {1: "N", 2: (UNDEFINED, UNDEFINED, UNDEFINED), 3: "E", 4: (UNDEFINED, UNDEFINED, UNDEFINED)},
    "null island": {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
    "beyond the pole": {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
    "beyond the date line": {1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)},
    "latitude only": {1: "N", 2: (1.0, 0.0, 0.0)},
    "empty": {},
}


@pytest.mark.parametrize("gps", INVALID_COORDINATES.values(), ids=INVALID_COORDINATES)
def test_invalid_coordinates_are_left_out(read: Read, gps: dict[int, Any]) -> None:
    assert read(gps=gps).gps is None


def test_coordinates_with_an_impossible_altitude_are_kept_without_it(read: Read) -> None:
    metadata = read(gps={1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (2.0, 0.0, 0.0), 6: UNDEFINED})

    assert metadata.gps == Gps(1.0, 2.0, None)


BROKEN_EXIF = {
    "no header": b"Exif\0\0nonsense",
    "truncated": b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
    "a pointer past the end": b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x010F, 2, 99, 999999),
    "an unknown type": b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 99, 1, 6),
    "a text as orientation": b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0"),
    "its own directory as camera": b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8),
}


@pytest.mark.parametrize("exif", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_a_photo_with_broken_exif_is_accepted(tmp_path: Path, out: Path, name: str, exif: bytes) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, name, exif=exif)

    assert through_json(develop(source, out)).width == 16


@pytest.mark.parametrize("packet", [b"<x:xmpmeta", b"\xff\xfe<\0", b"<x:xmpmeta>&nope;</x:xmpmeta>", bytes(99)])
def test_a_photo_with_broken_xmp_is_accepted(read: Read, packet: bytes) -> None:
    assert read({0x010E: "A caption"}, xmp=packet).caption == "A caption"


def _raw_profile() -> bytes:
    """EXIF as ImageMagick stores it in a text chunk."""
    exif = Image.Exif()
    exif[0x0110] = "X100"
    content = exif.tobytes()
    return f"Raw profile type exif\0\nexif\n{len(content):8}\n{content.hex()}\n".encode()


def _exif_chunk() -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "X100"
    return exif.tobytes().removeprefix(b"Exif\0\0")


PNG_CHUNKS = {
    "EXIF": (b"eXIf", _exif_chunk(), ("X100", None)),
    "EXIF in a text chunk": (b"tEXt", _raw_profile(), ("X100", None)),
    "XMP": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_element('xmp:Rating="4"'), (None, 4)),
}


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "content", "expected"), PNG_CHUNKS.values(), ids=PNG_CHUNKS)
def test_png_metadata_is_read_before_and_after_the_pixels(
    tmp_path: Path, out: Path, kind: bytes, content: bytes, expected: tuple[str | None, int | None], is_after: bool
) -> None:
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "PNG")
    plain = buffer.getvalue()
    at = plain.index(b"IEND" if is_after else b"IDAT") - 4
    (tmp_path / "photo").write_bytes(plain[:at] + png_chunks.chunk(kind, content) + plain[at:])

    metadata = develop(tmp_path / "photo", out).metadata

    assert (metadata.camera, metadata.rating) == expected
