"""Dates, places, cameras and texts are read from EXIF, XMP and IPTC; hostile metadata never makes a photo fail."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from processing.pipeline import Picture
from processing.pipeline.containers import png_chunks
from processing.pipeline.metadata import dates, text
from processing.pipeline.picture import Exposure, Gps, Metadata
from processing.pipeline.render.develop import develop

ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
Read = Callable[..., Metadata]


@pytest.fixture
def read(tmp_path: Path, out: Path) -> Read:
    """Develops a JPEG with these tags and returns its metadata. The picture must survive a round trip through strict JSON."""

    def develop_with(
        main: dict[int, Any] | None = None,
        camera: dict[int, Any] | None = None,
        gps: dict[int, Any] | None = None,
        **options: Any,
    ) -> Metadata:
        tags = Image.Exif()
        tags.update(main or {})
        tags.get_ifd(0x8769).update(camera or {})
        tags.get_ifd(0x8825).update(gps or {})
        source = tmp_path / "photo"
        Image.new("RGB", (16, 16)).save(source, "JPEG", exif=tags.tobytes(), **options)
        return _through_json(develop(source, out)).metadata

    return develop_with


def _through_json(picture: Picture) -> Picture:
    serialised = json.dumps(picture.as_json(), allow_nan=False)
    assert Picture.from_json(json.loads(serialised)) == picture
    return picture


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


def test_the_capture_date_is_local_with_fraction_and_offset(read: Read) -> None:
    metadata = read(camera={ORIGINAL: "2021:04:10 11:44:00", 0x9291: "814", 0x9011: "+01:00"})

    assert metadata.taken_at == "2021-04-10T11:44:00.814+01:00"


def test_the_original_date_takes_precedence_over_other_dates(read: Read) -> None:
    camera = {ORIGINAL: "2001:01:01 01:01:01", DIGITIZED: "2002:02:02 02:02:02"}
    xmp = _xmp('xmp:CreateDate="2003-03-03T03:03:03"')
    changed = {CHANGED: "2005:05:05 05:05:05"}

    assert read(changed, camera, xmp=xmp).taken_at == "2001-01-01T01:01:01"
    del camera[ORIGINAL]
    assert read(changed, camera, xmp=xmp).taken_at == "2002-02-02T02:02:02"
    assert read(changed, xmp=xmp).taken_at == "2003-03-03T03:03:03"
    assert read(changed).taken_at == "2005-05-05T05:05:05"


DATES = {
    "0000:00:00 00:00:00": None,
    "    :  :     :  :  ": None,
    "2021:02:30 10:00:00": None,
    "2021:13:01 10:00:00": None,
    "0001:01:01 10:00:00": None,
    "yesterday": None,
    "2021-02-03 10:00:00": "2021-02-03T10:00:00",
    "2021:02:03 10:00:60": "2021-02-03T10:00:59",
    "2021:02:03 10:00": "2021-02-03T10:00:00",
    "2010:04:25 08:47: 6": "2010-04-25T08:47:06",
    "2010: 4:25  8: 7: 6": "2010-04-25T08:07:06",
    "2010:4:5 8:7:6": "2010-04-05T08:07:06",
    "2010:04:25T08:47:06": "2010-04-25T08:47:06",
    "2010/04/25 08:47:06": "2010-04-25T08:47:06",
    "2010:04:25:08:47:06": "2010-04-25T08:47:06",
    "20100425084706": "2010-04-25T08:47:06",
    "20100425 084706": "2010-04-25T08:47:06",
    "2010:04:25": "2010-04-25T00:00:00",
    "2010:04:25   :  :  ": "2010-04-25T00:00:00",
    "2016:02:02 24:28:33": "2016-02-02T00:28:33",
    "2016:02:02 25:28:33": "2016-02-02T00:00:00",
    "2016:02:02 10:75:00": "2016-02-02T00:00:00",
    "2016.02.02 10.28.33": "2016-02-02T10:28:33",
    "2016-02-02 10-28-33": "2016-02-02T10:28:33",
    "2016:02:02 10:28.5": "2016-02-02T10:28:00.500",
    "2016:02:02 12:28:33 AM": "2016-02-02T00:28:33",
    "2016:02:02 12:28:33 pm": "2016-02-02T12:28:33",
    "2016:02:02 3:28:33PM": "2016-02-02T15:28:33",
    "2016:02:02 3:28:33 p.m.": "2016-02-02T15:28:33",
    "2016:02:02 15:28:33 PM": "2016-02-02T15:28:33",
    "2016:02:02 下午03:28:33": "2016-02-02T15:28:33",
    "2016:02:02 오전 03:28:33": "2016-02-02T03:28:33",
    "2016:02:02 3:28:33 p. m.": "2016-02-02T15:28:33",
    "2016:02:02 3:28:33\u00a0p.\u202fm.": "2016-02-02T15:28:33",
    "2016:02:02 3:28:33 μμ": "2016-02-02T15:28:33",
    "2016:02:02 3:28:33 م": "2016-02-02T15:28:33",
    "2016:02:02 12:28:33 ÖÖ": "2016-02-02T00:28:33",
    "2016:02:02 3:28:33 ਸ਼ਾਮ": "2016-02-02T00:00:00",
    "2016:02:02 15:28:33 ਸ਼ਾਮ": "2016-02-02T15:28:33",
    "2016:02:02 03:28:33 CET": "2016-02-02T03:28:33",
    "٢٠١٦:٠٢:٠٢ ٠٣:٢٨:٣٣": "2016-02-02T03:28:33",
    "2023:07:12 20:50:25-07:00": "2023-07-12T20:50:25-07:00",
    "2023:07:12 20:50:25.5 +0530": "2023-07-12T20:50:25.500+05:30",
    "2023:07:12 20:50:25Z": "2023-07-12T20:50:25+00:00",
    "2023-07-12T20:50:25 UTC+2": "2023-07-12T20:50:25+02:00",
    "2023-07-12T20:50:25 \u20132": "2023-07-12T20:50:25-02:00",
    "2023-07-12_20:50:25": "2023-07-12T20:50:25",
    "2023-07-12-20-50-25": "2023-07-12T20:50:25",
    "2023-07-12-07:00": "2023-07-12T00:00:00",
    "2023:07:12 205025": "2023-07-12T20:50:25",
    '"2023:07:12 20:50:25"': "2023-07-12T20:50:25",
    "2023年7月12日 20:50:25": "2023-07-12T20:50:25",
    "2023年7月12日 20时50分25秒": "2023-07-12T20:50:25",
    "2023:07:12 20h50": "2023-07-12T20:50:00",
    "2023:07:12 20h50m25s": "2023-07-12T20:50:25",
    "Wed Jul 12 20:50:25 2023": "2023-07-12T20:50:25",
    "Wed Jul  2 20:50:25 CEST 2023": "2023-07-02T20:50:25",
    "Wed, 12 Jul 2023 20:50:25 +0200": "2023-07-12T20:50:25+02:00",
    "12-JUL-2023 20:50:25": "2023-07-12T20:50:25",
    "July 12, 2023 8:50:25 PM": "2023-07-12T20:50:25",
    "July 2023": None,
    "02.03.2014 13:24": "2014-03-02T13:24:00",
    "31/12/2014 13:24": "2014-12-31T13:24:00",
    "12/31/2014 1:24 PM": "2014-12-31T13:24:00",
    "05-05-2014": "2014-05-05T00:00:00",
    "31/31/2014 13:24": None,
    "02/03/2014 13:24": None,
    "12:30": None,
    "2099:01:01 10:00:00": None,
    "1970:01:01 00:00:00": None,
    "1904:01:01 00:00:00": None,
    "1970:01:01 00:00:01": "1970-01-01T00:00:01",
}


@pytest.mark.parametrize(("date", "taken_at"), DATES.items(), ids=str)
def test_a_date_is_read_in_many_spellings_and_an_invalid_one_is_ignored(
    read: Read, date: str, taken_at: str | None
) -> None:
    assert read(camera={ORIGINAL: date.encode()}).taken_at == taken_at


OFFSETS = {
    "-5:00": "-05:00",
    "+2:00": "+02:00",
    "-05:00 ": "-05:00",
    "-0500": "-05:00",
    "+0530": "+05:30",
    "+530": "+05:30",
    "+05": "+05:00",
    "- 5:00": "-05:00",
    "\u22125:00": "-05:00",
    "\u20135:00": "-05:00",
    "+2:0": "+02:00",
    "+09:00:00": "+09:00",
    "Z": "+00:00",
    "UTC": "+00:00",
    "GMT+2": "+02:00",
}


@pytest.mark.parametrize(("offset", "zone"), OFFSETS.items())
def test_a_utc_offset_is_read_in_any_spelling(read: Read, offset: str, zone: str) -> None:
    assert (
        read(camera={ORIGINAL: "2021:04:10 11:44:00", 0x9011: offset.encode()}).taken_at == f"2021-04-10T11:44:00{zone}"
    )


@pytest.mark.parametrize(
    ("offsets", "zone"),
    [
        ({0x9010: "+02:00"}, "+02:00"),
        ({0x9012: "+02:00"}, "+02:00"),
        ({0x9010: "+01:00", 0x9012: "+02:00"}, "+02:00"),
        ({0x9010: "+01:00", 0x9011: "+03:00", 0x9012: "+02:00"}, "+03:00"),
        ({0x9010: "+01:00", 0x9011: "   :  "}, "+01:00"),
    ],
)
def test_the_offset_of_another_date_is_used_if_the_dates_own_is_missing(
    read: Read, offsets: dict[int, str], zone: str
) -> None:
    assert read(camera={ORIGINAL: "2021:04:10 11:44:00", **offsets}).taken_at == f"2021-04-10T11:44:00{zone}"


def test_an_offset_within_the_date_takes_precedence_over_the_offset_tag(read: Read) -> None:
    assert (
        read(camera={ORIGINAL: "2021:04:10 11:44:00+09:00", 0x9011: "+02:00"}).taken_at == "2021-04-10T11:44:00+09:00"
    )


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


@pytest.mark.parametrize("offset", ["", "+99:00", "local", "\x00", "+05:99", "5:00"])
def test_an_invalid_offset_is_left_out(read: Read, offset: str) -> None:
    metadata = read(camera={ORIGINAL: "2021:04:10 11:44:00", 0x9011: offset})

    assert metadata.taken_at == "2021-04-10T11:44:00"


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2016-01-22T17:30:25.92", "2016-01-22T17:30:25.920"),
        ("2016-01-22T17:30:25.123456-07:00", "2016-01-22T17:30:25.123456-07:00"),
        ("2016-01-22T17:30", "2016-01-22T17:30:00"),
        ("2016-01-22T17:30:25Z", "2016-01-22T17:30:25+00:00"),
        ("2016-01-22", "2016-01-22T00:00:00"),
        ("2016", None),
    ],
)
def test_xmp_dates_are_read(date: str, expected: str | None) -> None:
    capture_date = dates.from_text(date)

    assert (dates.to_iso(capture_date.moment) if capture_date else None) == expected


def test_iptc_dates_are_read() -> None:
    capture_date = dates.from_iptc("20240413", "173530-0300")

    assert capture_date is not None
    assert dates.to_iso(capture_date.moment) == "2024-04-13T17:35:30-03:00"


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


def test_xmp_texts_are_read(read: Read) -> None:
    elements = """
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">A title</rdf:li></rdf:Alt></dc:title>
      <dc:description><rdf:Alt><rdf:li xml:lang="x-default">A caption</rdf:li></rdf:Alt></dc:description>
      <dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li><rdf:li>one</rdf:li></rdf:Bag></dc:subject>
      <dc:creator><rdf:Seq><rdf:li>Ansel</rdf:li></rdf:Seq></dc:creator>
      <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ansel</rdf:li></rdf:Alt></dc:rights>"""

    metadata = read({0x010E: "EXIF's caption"}, xmp=_xmp('xmp:Rating="4"', elements))

    assert metadata == Metadata(
        title="A title",
        caption="A caption",
        keywords=("one", "two"),
        creator="Ansel",
        copyright="(c) Ansel",
        rating=4,
    )


def test_exif_texts_are_read(read: Read) -> None:
    utf_16 = "übung;zwei\0".encode("utf-16-le")
    metadata = read({0x010E: "A caption", 0x013B: "Ansel", 0x8298: "(c)", 0x4746: 5, 0x9C9E: utf_16, 0x9C9B: utf_16})

    assert metadata == Metadata(
        title="übung;zwei",
        caption="A caption",
        keywords=("übung", "zwei"),
        creator="Ansel",
        copyright="(c)",
        rating=5,
    )


def test_a_user_comment_is_the_caption_if_there_is_no_other(read: Read) -> None:
    assert read(camera={0x9286: b"ASCII\0\0\0by hand"}).caption == "by hand"
    assert read({0x010E: "said"}, {0x9286: b"ASCII\0\0\0by hand"}).caption == "said"


def test_utf_8_that_was_decoded_as_latin_1_is_corrected(read: Read) -> None:
    assert read({0x010E: "Zürich, 東京".encode()}).caption == "Zürich, 東京"


def test_latin_1_text_is_unchanged() -> None:
    assert text.clean("Zürich") == "Zürich"


HOSTILE = {
    "a\x00b": "a",
    "a\x1b[31mred\x07": "a[31mred",
    "photo\u202egpj.exe": "photogpj.exe",
    "a\ud800b": "ab",
    "a\ufeff\u200bb": "ab",
    "line\r\nline\rline": "line\nline\nline",
    " \t\n ": None,
    "": None,
}


@pytest.mark.parametrize(("content", "cleaned"), HOSTILE.items(), ids=ascii)
def test_control_and_invisible_characters_are_removed(content: str, cleaned: str | None) -> None:
    assert text.clean(content) == cleaned


def test_texts_have_a_maximum_length(read: Read) -> None:
    metadata = read({0x010E: "x" * 60_000, 0x010F: "m" * 1000})

    assert (len(metadata.caption or ""), len(metadata.camera or "")) == (text.MAX_TEXT, text.MAX_LINE)


def test_a_picture_has_at_most_200_keywords(read: Read) -> None:
    items = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(999))

    metadata = read(xmp=_xmp("", f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"))

    assert len(metadata.keywords) == 200


def test_xmp_entities_are_not_expanded(tmp_path: Path, out: Path) -> None:
    entities = "".join(f'<!ENTITY l{n} "&l{n - 1};&l{n - 1};&l{n - 1};&l{n - 1};">' for n in range(1, 30))
    packet = f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]>' + _xmp('xmp:Rating="&l29;"').decode()
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "PNG", pnginfo=chunks)

    assert develop(source, out).metadata == Metadata()


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

    assert _through_json(develop(source, out)).width == 16


@pytest.mark.parametrize("packet", [b"<x:xmpmeta", b"\xff\xfe<\0", b"<x:xmpmeta>&nope;</x:xmpmeta>", bytes(99)])
def test_a_photo_with_broken_xmp_is_accepted(read: Read, packet: bytes) -> None:
    assert read({0x010E: "A caption"}, xmp=packet).caption == "A caption"


def _xmp(attributes: str = "", elements: str = "") -> bytes:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
      {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


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
    "XMP": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _xmp('xmp:Rating="4"'), (None, 4)),
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
