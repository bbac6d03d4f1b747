"""Coordinates are read in all forms that cameras and programs write; uncertain ones are ignored."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from processing.pipeline.metadata import coordinates, read, read_sidecar
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Gps
from processing.pipeline.render.develop import develop

UNDEFINED = IFDRational(0, 0)


def exif_coordinates(latitude: Any, longitude: Any, north: Any = "N", east: Any = "E", **others: Any) -> Gps | None:
    tags = {1: north, 2: latitude, 3: east, 4: longitude, 5: others.get("below"), 6: others.get("altitude")}
    return read(Blocks(gps={tag: value for tag, value in tags.items() if value is not None})).gps


EXIF_COORDINATES = {
    "degrees, minutes, seconds": ((48.0, 30.0, 7.2), (17.0, 6.0, 18.0), "N", "E", (48.502, 17.105)),
    "decimal minutes, seconds undefined": (
        (48.0, 30.12, UNDEFINED),
        (17.0, 6.3, UNDEFINED),
        "N",
        "E",
        (48.502, 17.105),
    ),
    "whole minutes, seconds undefined": ((48.0, 30.0, UNDEFINED), (17.0, 6.0, UNDEFINED), "N", "E", (48.5, 17.1)),
    "decimal degrees, the others undefined": (
        (48.502, UNDEFINED, UNDEFINED),
        (17.105, UNDEFINED, UNDEFINED),
        "N",
        "E",
        (48.502, 17.105),
    ),
    "decimal degrees, the others zero": ((48.502, 0.0, 0.0), (17.105, 0.0, 0.0), "N", "E", (48.502, 17.105)),
    "two values": ((48.0, 30.12), (17.0, 6.3), "N", "E", (48.502, 17.105)),
    "a single value": (48.502, IFDRational(17105, 1000), "S", "W", (-48.502, -17.105)),
    "texts": ("48.502", "17,6.3", "S", "E", (-48.502, 17.105)),
    "small letters": ((33.0, 30.0, 0.0), (70.0, 0.0, 0.0), "s", "w", (-33.5, -70.0)),
    "words": ((33.0, 30.0, 0.0), (70.0, 0.0, 0.0), "South", "WEST", (-33.5, -70.0)),
    "a full stop": ((33.0, 30.0, 0.0), (70.0, 0.0, 0.0), "S.", "West.", (-33.5, -70.0)),
    "padded": ((33.0, 30.0, 0.0), (70.0, 0.0, 0.0), " S\0", "W \0\0", (-33.5, -70.0)),
    "bytes": ((33.0, 30.0, 0.0), (70.0, 0.0, 0.0), b"S\0", b"W\0", (-33.5, -70.0)),
    "minus and its hemisphere": ((-45.0, -10.0, -30.0), (-5.0, 42.0, 0.0), "S", "W", (-45.175, -5.7)),
    "minus before the minutes, below one degree": ((0.0, -30.0, 0.0), (5.0, 42.0, 0.0), None, None, (-0.5, 5.7)),
    "minus without a hemisphere": ((45.0, 10.0, 30.0), (-5.0, -42.0, 0.0), None, None, (45.175, -5.7)),
    "neither minus nor hemisphere": ((45.0, 10.0, 30.0), (5.0, 42.0, 0.0), None, None, (45.175, 5.7)),
    "rounded up": ((45.0, 59.0, 60.0), (5.0, 60.0, 0.0), "N", "E", (46.0, 6.0)),
}


@pytest.mark.parametrize(
    ("latitude", "longitude", "north", "east", "expected"), EXIF_COORDINATES.values(), ids=EXIF_COORDINATES
)
def test_exif_coordinates_are_read(
    latitude: Any, longitude: Any, north: Any, east: Any, expected: tuple[float, float]
) -> None:
    assert exif_coordinates(latitude, longitude, north, east) == Gps(*expected)


def wrapped(numerator: int, denominator: int = 1) -> IFDRational:
    """Returns what is read of a signed fraction in a field of unsigned ones."""
    return IFDRational(numerator % 2**32, denominator)


SIGNED = {
    "degrees": ((wrapped(-33), 30.0, 0.0), (wrapped(-70), 0.0, 0.0), "S", "W", (-33.5, -70.0)),
    "every part": (
        (wrapped(-33), wrapped(-30), wrapped(-900, 100)),
        (wrapped(-70), 0.0, 0.0),
        None,
        None,
        (-33.5025, -70.0),
    ),
    "decimals": (wrapped(-33_502_500, 10**6), wrapped(-70_250, 1000), "S", "W", (-33.5025, -70.25)),
    "a true numerator as large": (
        (48.0, 30.0, IFDRational(2_500_000_000, 10**8)),
        (17.0, 6.0, 0.0),
        "N",
        "E",
        (48.5069444, 17.1),
    ),
}


@pytest.mark.parametrize(("latitude", "longitude", "north", "east", "expected"), SIGNED.values(), ids=SIGNED)
def test_signed_numbers_in_unsigned_fields_are_read(
    latitude: Any, longitude: Any, north: Any, east: Any, expected: tuple[float, float]
) -> None:
    assert exif_coordinates(latitude, longitude, north, east) == Gps(*expected)


LATITUDE, LONGITUDE = (48.0, 30.0, 0.0), (17.0, 6.0, 0.0)
UNCERTAIN_EXIF = {
    "an empty hemisphere": (LATITUDE, LONGITUDE, "", "E"),
    "an unknown hemisphere": (LATITUDE, LONGITUDE, "N", "O"),
    "a number as hemisphere": (LATITUDE, LONGITUDE, "N", 1),
    "not available": (LATITUDE, LONGITUDE, "N/A", "E"),
    "swapped hemispheres": (LATITUDE, LONGITUDE, "E", "N"),
    "one hemisphere missing": (LATITUDE, LONGITUDE, "S", None),
    "minus, and the hemisphere contradicts": (LATITUDE, (-17.0, 6.0, 0.0), "N", "E"),
    "minus in the middle": (LATITUDE, (17.0, -6.0, 0.0), "N", "E"),
    "minutes undefined": ((48.0, UNDEFINED, UNDEFINED), (17.0, UNDEFINED, UNDEFINED), "N", "E"),
    "minutes undefined, seconds not": ((48.0, UNDEFINED, 12.0), LONGITUDE, "N", "E"),
    "more than sixty minutes": ((48.0, 75.0, 0.0), LONGITUDE, "N", "E"),
    "minutes in the degrees too": ((48.502, 30.12, 0.0), LONGITUDE, "N", "E"),
    "a signed number in an unsigned field, and the hemisphere contradicts": (
        LATITUDE,
        (wrapped(-17), 6.0, 0.0),
        "N",
        "E",
    ),
    "far too large": (LATITUDE, (IFDRational(3_000_000_000, 1), 6.0, 0.0), "N", "E"),
    "four values": ((48.0, 30.0, 0.0, 0.0), LONGITUDE, "N", "E"),
    "no values": ((), LONGITUDE, "N", "E"),
    "below the south pole": ((-91.0, 0.0, 0.0), LONGITUDE, "S", "E"),
    "words": ("here", "there", "N", "E"),
}


@pytest.mark.parametrize(("latitude", "longitude", "north", "east"), UNCERTAIN_EXIF.values(), ids=UNCERTAIN_EXIF)
def test_uncertain_exif_coordinates_are_ignored(latitude: Any, longitude: Any, north: Any, east: Any) -> None:
    assert exif_coordinates(latitude, longitude, north, east) is None


@pytest.mark.parametrize(
    ("altitude", "below", "metres"),
    [
        (12.5, None, 12.5),
        (12.5, b"\1", -12.5),
        (12.5, 3, -12.5),
        (IFDRational(-25, 2), b"\0", -12.5),
        (wrapped(-1250, 100), None, -12.5),
        (wrapped(-1250, 100), b"\1", -12.5),
        (UNDEFINED, b"\1", None),
        (2e9, None, None),
    ],
)
def test_the_exif_altitude_is_read_above_and_below_sea_level(altitude: Any, below: Any, metres: float | None) -> None:
    assert exif_coordinates(LATITUDE, LONGITUDE, altitude=altitude, below=below) == Gps(48.5, 17.1, metres)


def test_the_coordinates_in_the_exif_of_a_file_are_read(tmp_path: Path, out: Path) -> None:
    """0/0 as seconds, signed fractions and lower-case hemispheres, in bytes that were not written by one of our libraries."""
    numbers = struct.pack("<6I", 48, 1, 3012, 100, 0, 0) + struct.pack("<6i", -17, 1, -630, 100, 0, 1)
    entries = [
        struct.pack("<HHI4s", 1, 2, 2, b"n\0"),
        struct.pack("<HHII", 2, 5, 3, 80),
        struct.pack("<HHI4s", 3, 2, 2, b"w\0"),
        struct.pack("<HHII", 4, 10, 3, 104),
    ]
    gps = struct.pack("<H", 4) + b"".join(entries) + struct.pack("<I", 0)
    main = struct.pack("<HHHIII", 1, 0x8825, 4, 1, 26, 0)
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + main + gps + numbers)

    assert develop(source, out).metadata.gps == Gps(48.502, -17.105)


def xmp_coordinates(**tags: str) -> Gps | None:
    return read_sidecar(_packet(**tags)).gps


def _packet(**tags: str) -> bytes:
    attributes = " ".join(f"exif:GPS{name}='{value}'" for name, value in tags.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" {attributes}/></rdf:RDF></x:xmpmeta>'
    ).encode()


XMP_COORDINATES = {
    "minutes": ("60,30.0N", None, "68,0.0W", None, (60.5, -68.0)),
    "seconds": ("60,30,36S", None, "68,0,0E", None, (-60.51, 68.0)),
    "spaces": ("60, 30.0 N", None, " 68, 0.0 W", None, (60.5, -68.0)),
    "decimals, hemispheres in tags of their own": ("60.5", "N", "68", "W", (60.5, -68.0)),
    "small letters, words": ("60.5", "s", "68.25", "West", (-60.5, -68.25)),
    "signed decimals": ("-33.5", None, "151.2", None, (-33.5, 151.2)),
    "close to the meridian": ("51.4778", None, "-4.2e-05", None, (51.4778, -0.000042)),
    "powers of ten": ("3.35E1", "S", "1.512e+02", "E", (-33.5, 151.2)),
    "a list in brackets": ("[33, 30, 0]", "S", "(151, 12, 0)", "E", (-33.5, 151.2)),
    "more digits than are measured": ("33.50000000000000000000001", "S", "151.2", "E", (-33.5, 151.2)),
    "spaces alone": ("33 30 0 S", None, "151 12 0 E", None, (-33.5, 151.2)),
    "letters first": ("S33,30.0", None, "E151,12.0", None, (-33.5, 151.2)),
    "a plus sign": ("+33.5", None, "+151.2", None, (33.5, 151.2)),
    "a typographic minus": ("\u221233.5", None, "151.2", None, (-33.5, 151.2)),
    "a sign and its hemisphere": ("-33.5", "S", "151.2", "E", (-33.5, 151.2)),
    "decimals with letters": ("33.5S", None, "E151.2", None, (-33.5, 151.2)),
    "the letter twice": ("33,30.0S", "S", "151,12.0E", "East", (-33.5, 151.2)),
    "signs for degrees, minutes and seconds": (
        "33\u00b0 30&apos; 0.00&quot; S",
        None,
        "151 deg 12&apos; 0&quot; E",
        None,
        (-33.5, 151.2),
    ),
    "fractions": ("33/1,30/1,0/1", "S", "1512/10", "E", (-33.5, 151.2)),
    "minutes, hemispheres in tags of their own": ("33,30.0", "S", "151,12.0", "E", (-33.5, 151.2)),
}


@pytest.mark.parametrize(
    ("latitude", "north", "longitude", "east", "expected"), XMP_COORDINATES.values(), ids=XMP_COORDINATES
)
def test_xmp_coordinates_are_read(
    latitude: str, north: str | None, longitude: str, east: str | None, expected: tuple[float, float]
) -> None:
    tags = {"Latitude": latitude, "LatitudeRef": north, "Longitude": longitude, "LongitudeRef": east}

    assert xmp_coordinates(**{name: value for name, value in tags.items() if value is not None}) == Gps(*expected)


UNCERTAIN_XMP = {
    "minus, and the hemisphere contradicts": ("-33.5", "N", "151.2", "E"),
    "two letters that differ": ("33.5S", "N", "151.2", "E"),
    "an unknown hemisphere": ("33.5", "South-ish", "151.2", "E"),
    "an empty hemisphere": ("33.5", "", "151.2", "E"),
    "one hemisphere missing": ("33.5", "S", "151.2", None),
    "minutes without a hemisphere": ("33,30.0", None, "151,12.0", None),
    "a decimal comma, or minutes": ("33,5", "S", "151,2", "E"),
    "out of range": ("133.5", None, "151.2", None),
    "a fraction with denominator 0": ("33/0", "S", "151", "E"),
    "words": ("here", None, "there", None),
    "very long": ("3" * 300, None, "151.2", None),
    "zeros": ("0.0", None, "0.0", None),
}


@pytest.mark.parametrize(("latitude", "north", "longitude", "east"), UNCERTAIN_XMP.values(), ids=UNCERTAIN_XMP)
def test_uncertain_xmp_coordinates_are_ignored(
    latitude: str, north: str | None, longitude: str, east: str | None
) -> None:
    tags = {"Latitude": latitude, "LatitudeRef": north, "Longitude": longitude, "LongitudeRef": east}

    assert xmp_coordinates(**{name: value for name, value in tags.items() if value is not None}) is None


@pytest.mark.parametrize(
    ("altitude", "reference", "metres"),
    [("641.17", "0", 641.17), ("6412/10", "1", -641.2), ("-3.5", "", -3.5), ("12 m", "0", 12.0), ("high", "0", None)],
)
def test_the_xmp_altitude_is_read(altitude: str, reference: str, metres: float | None) -> None:
    gps = xmp_coordinates(Latitude="60.5", Longitude="-68.0", Altitude=altitude, AltitudeRef=reference)

    assert gps == Gps(60.5, -68.0, metres)


def test_xmp_coordinates_are_used_if_those_of_exif_are_invalid() -> None:
    packet = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="60,30.0N" exif:GPSLongitude="68,0.0W"/></rdf:RDF>'
    )
    gps = {1: "?", 2: (60.0, 30.0, 0.0), 3: "W", 4: (68.0, 0.0, 0.0)}

    assert read(Blocks(gps=gps, xmp=(packet,))).gps == Gps(60.5, -68.0)


def test_a_hostile_coordinate_is_parsed_without_a_long_search() -> None:
    assert coordinates.from_text(coordinates.LATITUDE, "1 " * 49) is None


NORTH_EAST, SOUTH_WEST = Gps(48.5, 17.1), Gps(-48.5, -17.1)


@pytest.mark.parametrize(
    ("in_exif", "in_xmp", "expected"),
    [
        ({"north": None, "east": None}, ("48,30.0S", "17,6.0W"), SOUTH_WEST),
        ({"north": None, "east": None}, ("-48.5", "-17.1"), SOUTH_WEST),
        ({"north": None, "east": None}, ("48.5", "17.1"), NORTH_EAST),
        ({"north": None, "east": None}, None, NORTH_EAST),
        ({"north": "N", "east": "E"}, ("48,30.0S", "17,6.0W"), NORTH_EAST),
    ],
)
def test_xmp_takes_precedence_over_exif_without_hemispheres(
    in_exif: dict[str, Any], in_xmp: tuple[str, str] | None, expected: Gps
) -> None:
    packet = _packet(Latitude=in_xmp[0], Longitude=in_xmp[1]) if in_xmp else b""
    tags = {1: in_exif["north"], 2: LATITUDE, 3: in_exif["east"], 4: LONGITUDE}

    metadata = read(Blocks(gps={tag: value for tag, value in tags.items() if value}, xmp=(packet,)))

    assert metadata.gps == expected
