"""The capture date and its source: the metadata, the file's name or the file's date, but never the time of the upload."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.pipeline import Origin
from processing.pipeline.metadata import dates, filename_dates, read
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import UNKNOWN
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox

PROJECT = Path(__file__).resolve().parents[3]
ORIGINAL, CHANGED, TIME_ZONE_OFFSET = 0x9003, 0x0132, 0x882A
NAME_WITH_TIME = "IMG_20240131_142233.jpg"
MODIFIED = "2023-05-06T07:08:09+00:00"

NAMES = {
    "IMG_20240131_142233.jpg": "2024-01-31T14:22:33",
    "IMG_20240131_142233_1.jpg": "2024-01-31T14:22:33",
    "20240131_142233_HDR(1).jpg": "2024-01-31T14:22:33",
    "20240131142233.jpg": "2024-01-31T14:22:33",
    "MVIMG_20240131_142233.jpg": "2024-01-31T14:22:33",
    "PXL_20231006_172623175.MP.jpg": "2023-10-06T17:26:23.175+00:00",
    "2024-01-31 14.22.33.png": "2024-01-31T14:22:33",
    "Screenshot_20240131-142233.png": "2024-01-31T14:22:33",
    "Screenshot_2024-01-31-14-22-33-123_com.app.jpg": "2024-01-31T14:22:33.123",
    "Screenshot 2024-01-31 at 2.22.33\u202fPM.png": "2024-01-31T14:22:33",
    "Screenshot 2024-01-31 at 12.22.33 AM.png": "2024-01-31T00:22:33",
    "Captura de pantalla 2024-01-31 a las 2.22.33 p.\u00a0m..png": "2024-01-31T14:22:33",
    "Στιγμιότυπο 2024-01-31, 2.22.33 μμ.png": "2024-01-31T14:22:33",
    "2024-01-31 2.22.33 ਸ਼ਾਮ.png": "2024-01-31T00:00:00",
    "20240131_092233 写真.jpg": "2024-01-31T09:22:33",
    "Bildschirmfoto 2024-01-31 um 14.22.33.png": "2024-01-31T14:22:33",
    "WhatsApp Image 2024-01-31 at 14.22.33.jpeg": "2024-01-31T14:22:33",
    "signal-2024-01-31-142233.jpg": "2024-01-31T14:22:33",
    "photo_2024-01-31_14-22-33.jpg": "2024-01-31T14:22:33",
    "WIN_20240131_14_22_33_Pro.jpg": "2024-01-31T14:22:33",
    "DJI_20240131142233_0001_D.JPG": "2024-01-31T14:22:33",
    "Foto 2024-01-31, 14 22 33.jpg": "2024-01-31T14:22:33",
    "IMG-20240131-WA0007.jpg": "2024-01-31T00:00:00",
    "2024-01-31 Birthday.jpg": "2024-01-31T00:00:00",
    "signal-2024-01-31-14-22-33-610-1.jpg": "2024-01-31T14:22:33.610",
    "20249931_101010 20240131_142233.jpg": "2024-01-31T14:22:33",
    "mmexport1706711553123.jpg": "2024-01-31T14:32:33.123+00:00",
    "mmexport1706711553000(1).jpg": "2024-01-31T14:32:33+00:00",
    "mmexport0123456789abcdef0123456789abcdef_1706711553000.jpg": "2024-01-31T14:32:33+00:00",
    "wx_camera_1706711553000.jpg": "2024-01-31T14:32:33+00:00",
    "FB_IMG_1706711553000.jpg": "2024-01-31T14:32:33+00:00",
    "1706711553000.jpg": "2024-01-31T14:32:33+00:00",
    "1706711553000-2.jpeg": "2024-01-31T14:32:33+00:00",
    "1706711553000 (3).png": "2024-01-31T14:32:33+00:00",
    "photo_1@02-01-2024_14-22-33.jpg": "2024-01-02T14:22:33",
    "Photo 31-01-2024, 14 22 33.jpg": "2024-01-31T14:22:33",
    "Party 12.31.2023.jpg": "2023-12-31T00:00:00",
    "Photo 02-01-2024, 14 22 33.jpg": None,
    "vlcsnap-2024-01-31-14h22m33s123.png": "2024-01-31T14:22:33.123",
    "vlcsnap-2024-01-31-14h22m33s.png": "2024-01-31T14:22:33",
    "2024-01-31T142233Z.jpg": "2024-01-31T14:22:33+00:00",
    "2024-01-31T14_22_33.123Z.jpg": "2024-01-31T14:22:33.123+00:00",
    "20240131_142233Zoo.jpg": "2024-01-31T14:22:33",
    "Screenshot_2024-01-31_at_2.22.33_pm.png": "2024-01-31T14:22:33",
    "20240131_142233000_iOS.heic": "2024-01-31T14:22:33+00:00",
    "2024013114223312.jpg": None,
    "IMG_19700101_010000.jpg": None,
    "IMG_19700101_000000.jpg": None,
    "IMG_1706711553000.jpg": None,
    "received_1706711553000.jpeg": None,
    "17067115530001.jpg": None,
    "119101-28-18.jpg": None,
    "IMG_1234.JPG": None,
    "DSC_0001.jpg": None,
    "20241331_101010.jpg": None,
    "2024-02-31 10.10.10.jpg": None,
    "12345678901234567890.jpg": None,
    "1920x1080.png": None,
    "": None,
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items(), ids=ascii)
def test_the_date_in_a_file_name_is_read(name: str, expected: str | None) -> None:
    capture_date = filename_dates.read(name)

    assert (dates.to_iso(capture_date.moment) if capture_date else None) == expected


NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def taken(camera: dict[int, str], origin: Origin = UNKNOWN, **blocks: Any) -> tuple[str | None, str | None]:
    """Returns the capture date and its source, at noon on 1 June 2024."""
    metadata = read(Blocks(camera=camera, **blocks), origin, NOW)
    return metadata.taken_at, metadata.taken_from


@pytest.mark.parametrize(
    ("date", "is_used"),
    [
        ("2024:06:01 12:59:59+00:00", True),
        ("2024:06:01 13:00:01+00:00", False),
        ("2024:06:01 22:59:59+10:00", True),
        ("2024:06:01 23:00:01+10:00", False),
        ("2024:06:02 02:59:59", True),  # it is 02:00 at UTC+14, and an hour is tolerated
        ("2024:06:02 03:00:01", False),
        ("2025:01:01 00:00:00", False),
        ("9999:12:31 23:59:59-14:00", False),
    ],
)
def test_an_exif_date_in_the_future_is_ignored(date: str, is_used: bool) -> None:
    origin = Origin("IMG_20240131_142233.jpg")

    assert taken({ORIGINAL: date}, origin)[1] == ("exif" if is_used else "name")


@pytest.mark.parametrize("name", ["DSC_20991231.jpg", "IMG_20991231_101010.jpg", "9781234567897.jpg"])
def test_a_file_name_with_a_date_in_the_future_is_ignored(name: str) -> None:
    assert taken({}, Origin(name, MODIFIED)) == (MODIFIED, "file")


def test_a_file_date_in_the_future_is_ignored() -> None:
    assert taken({}, Origin("IMG_1.jpg", "2036-02-07T06:28:16+00:00")) == (None, None)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Wed Jan 31 14:22:33 GMT+02:00 2024", "2024-01-31T14:22:33+02:00"),  # Java's Date.toString(), on Android
        ("Wed Jan 31 14:22:33 CET 2024", "2024-01-31T14:22:33"),
        ("31:01:2024 14:22:33", "2024-01-31T14:22:33"),
        ("2024:01:31 14:22:33:250", "2024-01-31T14:22:33.250"),
        ("2024:01:31 2:22:33 nachm.", "2024-01-31T14:22:33"),
        ("1970:01:01 01:00:00", None),  # the epoch in local time
        ("1969:12:31 18:30:00", None),
        ("1970:01:01 01:00:01", "1970-01-01T01:00:01"),
    ],
)
def test_a_date_is_read_as_phones_and_programs_write_it(date: str, expected: str | None) -> None:
    assert taken({ORIGINAL: date})[0] == expected


def test_an_offset_ends_at_a_null_byte() -> None:
    assert taken({ORIGINAL: "2024:01:31 14:22:33", 0x9011: "+02:00\0\0junk"})[0] == "2024-01-31T14:22:33+02:00"


def xmp(date: str) -> tuple[bytes]:
    return (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="'
        + date.encode()
        + b'"/></rdf:RDF>',
    )


def iptc(date: bytes, time: bytes = b"") -> dict[tuple[int, int], bytes | list[bytes]]:
    return {(2, 55): date, (2, 60): time}


PRECEDENCE_OF_DAYS: dict[str, tuple[Any, ...]] = {
    "XMP and a name": ({}, Origin(NAME_WITH_TIME), {"xmp": xmp("2024-01-31")}, ("2024-01-31T14:22:33", "name")),
    "XMP and the file": (
        (
            {},
            Origin("a.jpg", "2024-01-31T18:00:00+00:00"),
            {"xmp": xmp("2024-01-31")},
            ("2024-01-31T18:00:00+00:00", "file"),
        )
    ),
    "XMP and another day": ({}, Origin(NAME_WITH_TIME), {"xmp": xmp("2023-01-31")}, ("2023-01-31T00:00:00", "xmp")),
    "EXIF and XMP": (
        (
            {ORIGINAL: "2024:01:31"},
            UNKNOWN,
            {"xmp": xmp("2024-01-31T09:10:11+01:00")},
            ("2024-01-31T09:10:11+01:00", "xmp"),
        )
    ),
    "IPTC and EXIF's change": (
        (
            {},
            UNKNOWN,
            {"iptc": iptc(b"20240131"), "main": {CHANGED: "2024:01:31 08:09:10"}},
            ("2024-01-31T08:09:10", "exif"),
        )
    ),
    "an IPTC date with an incomplete time": (
        {},
        UNKNOWN,
        {"iptc": iptc(b"20240131", b"9")},
        ("2024-01-31T00:00:00", "iptc"),
    ),
    "an incomplete IPTC date": (
        {},
        Origin(NAME_WITH_TIME),
        {"iptc": iptc(b"20240100")},
        ("2024-01-31T14:22:33", "name"),
    ),
    "a name and the file": (
        ({}, Origin("IMG-20240131-WA0007.jpg", "2024-01-31T18:00:00+00:00"), {}, ("2024-01-31T18:00:00+00:00", "file"))
    ),
    "midnight as a time": (
        ({ORIGINAL: "2024:01:31 00:00:00"}, Origin(NAME_WITH_TIME), {}, ("2024-01-31T00:00:00", "exif"))
    ),
}


@pytest.mark.parametrize(("camera", "origin", "more", "expected"), PRECEDENCE_OF_DAYS.values(), ids=PRECEDENCE_OF_DAYS)
def test_a_date_with_a_time_takes_precedence_over_its_day_alone(
    camera: dict[int, str], origin: Origin, more: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert taken(camera, origin, **more) == expected


def test_iptc_adds_the_offset_that_exif_lacks() -> None:
    assert taken({ORIGINAL: "2024:01:31 14:22:33"}, iptc=iptc(b"20240131", b"142233+0900")) == (
        "2024-01-31T14:22:33+09:00",
        "exif",
    )


def photo(path: Path, tags: dict[int, str], camera: dict[int, str]) -> Path:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(camera)
    Image.new("RGB", (16, 16)).save(path, "JPEG", exif=exif.tobytes())
    return path


PRECEDENCE = [
    ({}, {ORIGINAL: "2001:02:03 04:05:06"}, NAME_WITH_TIME, ("2001-02-03T04:05:06", "exif")),
    ({CHANGED: "2002:02:03 04:05:06"}, {}, NAME_WITH_TIME, ("2024-01-31T14:22:33", "name")),
    ({CHANGED: "2002:02:03 04:05:06"}, {}, "2024-01-31 Birthday.jpg", ("2002-02-03T04:05:06", "exif")),
    ({}, {}, "2024-01-31 Birthday.jpg", ("2024-01-31T00:00:00", "name")),
    ({}, {}, "IMG_1234.JPG", ("2023-05-06T07:08:09+00:00", "file")),
]


@pytest.mark.parametrize(("tags", "camera", "name", "expected"), PRECEDENCE)
def test_the_source_of_the_capture_date_is_recorded(
    tmp_path: Path, out: Path, tags: dict[int, str], camera: dict[int, str], name: str, expected: tuple[str, str]
) -> None:
    source = photo(tmp_path / "photo", tags, camera)

    metadata = develop(source, out, origin=Origin(name, MODIFIED)).metadata

    assert (metadata.taken_at, metadata.taken_from) == expected


@pytest.mark.parametrize("modified", [None, "", "nonsense", "1970-01-01T00:00:00+00:00", "1980-01-01T00:00:00+00:00"])
def test_a_picture_without_any_valid_date_has_no_capture_date(tmp_path: Path, out: Path, modified: str | None) -> None:
    source = photo(tmp_path / "photo", {}, {})

    metadata = develop(source, out, origin=Origin("IMG_1234.JPG", modified)).metadata

    assert (metadata.taken_at, metadata.taken_from) == (None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-5, "2024-01-31T14:22:33-05:00"),
        (65531, "2024-01-31T14:22:33-05:00"),
        (0, "2024-01-31T14:22:33+00:00"),
        ((9, -3), "2024-01-31T14:22:33+09:00"),
        (15, "2024-01-31T14:22:33"),
        ((), "2024-01-31T14:22:33"),
        ("+2", "2024-01-31T14:22:33"),
    ],
)
@pytest.mark.parametrize(
    "blocks", [lambda tags: Blocks(main=tags), lambda tags: Blocks(camera=tags)], ids=["main", "camera"]
)
def test_hours_of_the_time_zone_are_the_offset_if_there_is_no_other(
    blocks: Callable[[dict[int, Any]], Blocks], value: Any, expected: str
) -> None:
    tags = {ORIGINAL: "2024:01:31 14:22:33", TIME_ZONE_OFFSET: value}

    assert read(blocks(tags)).taken_at == expected


def test_the_date_of_change_has_its_own_hours_of_the_time_zone() -> None:
    blocks = Blocks(main={CHANGED: "2024:01:31 14:22:33", TIME_ZONE_OFFSET: (9, -3)})

    assert read(blocks).taken_at == "2024-01-31T14:22:33-03:00"


def test_any_other_offset_takes_precedence_over_the_hours_of_the_time_zone() -> None:
    tags = {ORIGINAL: "2024:01:31 14:22:33", TIME_ZONE_OFFSET: 5}
    iptc = {(2, 55): b"20240131", (2, 60): b"142233+0530"}

    assert read(Blocks(camera=tags, iptc=iptc)).taken_at == "2024-01-31T14:22:33+05:30"
    assert read(Blocks(camera=tags | {0x9010: "+05:45"})).taken_at == "2024-01-31T14:22:33+05:45"


def test_xmp_adds_the_offset_that_exif_lacks(tmp_path: Path, out: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[ORIGINAL] = "2024:01:31 14:22:33"
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
        b' photoshop:DateCreated="2024-01-31T14:22:33+09:00"/></rdf:RDF></x:xmpmeta>'
    )
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "JPEG", exif=exif.tobytes(), xmp=packet)

    metadata = develop(source, out).metadata

    assert (metadata.taken_at, metadata.taken_from) == ("2024-01-31T14:22:33+09:00", "exif")


def test_the_child_receives_the_files_name_and_date(tmp_path: Path, out: Path) -> None:
    source = photo(tmp_path / "photo", {}, {})

    with Sandbox() as sandbox:
        metadata = sandbox.develop(source, out, Origin(NAME_WITH_TIME, MODIFIED)).metadata

    assert (metadata.taken_at, metadata.taken_from) == ("2024-01-31T14:22:33", "name")


@pytest.mark.parametrize(
    ("name", "expected"), [("IMG_1234.JPG", [MODIFIED, "file"]), (NAME_WITH_TIME, ["2024-01-31T14:22:33", "name"])]
)
def test_the_command_uses_the_files_name_and_date(tmp_path: Path, out: Path, name: str, expected: list[str]) -> None:
    source = photo(tmp_path / name, {}, {})
    modified = datetime.fromisoformat(MODIFIED).timestamp()
    os.utime(source, (modified, modified))

    command = [sys.executable, "-m", "processing.pipeline", str(source), str(out)]
    completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)

    output = json.loads(completed.stdout)
    assert [output["taken_at"], output["taken_from"]] == expected
