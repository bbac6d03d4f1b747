"""The capture time of a picture and its source: metadata, the file's name or its modification date, never the upload's time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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

PROJECT = Path(__file__).resolve().parents[2]
ORIGINAL, CHANGED = 0x9003, 0x0132
FULL = "IMG_20240131_142233.jpg"
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
def test_the_capture_time_is_read_from_the_filename(name: str, expected: str | None) -> None:
    date = filename_dates.read(name)

    assert (dates.to_iso(date.moment) if date else None) == expected


NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def capture_time(camera: dict[int, str], origin: Origin = UNKNOWN, **blocks: Any) -> tuple[str | None, str | None]:
    """Returns the capture time and its source, read at noon UTC of 1 June 2024."""
    metadata = read(Blocks(camera=camera, **blocks), origin, NOW)
    return metadata.taken_at, metadata.taken_from


@pytest.mark.parametrize(
    ("date", "is_believed"),
    [
        ("2024:06:01 12:59:59+00:00", True),
        ("2024:06:01 13:00:01+00:00", False),
        ("2024:06:01 22:59:59+10:00", True),
        ("2024:06:01 23:00:01+10:00", False),
        ("2024:06:02 02:59:59", True),  # in a time zone it is that late already
        ("2024:06:02 03:00:01", False),
        ("2025:01:01 00:00:00", False),
        ("9999:12:31 23:59:59-14:00", False),
    ],
)
def test_a_capture_time_in_the_future_is_ignored(date: str, is_believed: bool) -> None:
    origin = Origin("IMG_20240131_142233.jpg")

    assert capture_time({ORIGINAL: date}, origin)[1] == ("exif" if is_believed else "name")


@pytest.mark.parametrize("name", ["DSC_20991231.jpg", "IMG_20991231_101010.jpg", "9781234567897.jpg"])
def test_a_filename_with_a_time_in_the_future_is_ignored(name: str) -> None:
    assert capture_time({}, Origin(name, MODIFIED)) == (MODIFIED, "file")


def test_a_modification_date_in_the_future_is_ignored() -> None:
    assert capture_time({}, Origin("IMG_1.jpg", "2036-02-07T06:28:16+00:00")) == (None, None)


def xmp(date: str) -> tuple[bytes]:
    return (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="'
        + date.encode()
        + b'"/></rdf:RDF>',
    )


def iptc(date: bytes, time: bytes = b"") -> dict[tuple[int, int], bytes | list[bytes]]:
    return {(2, 55): date, (2, 60): time}


DAYS: dict[str, tuple[Any, ...]] = {
    "XMP and a name": ({}, Origin(FULL), {"xmp": xmp("2024-01-31")}, ("2024-01-31T14:22:33", "name")),
    "XMP and the file": (
        (
            {},
            Origin("a.jpg", "2024-01-31T18:00:00+00:00"),
            {"xmp": xmp("2024-01-31")},
            ("2024-01-31T18:00:00+00:00", "file"),
        )
    ),
    "XMP and another day": ({}, Origin(FULL), {"xmp": xmp("2023-01-31")}, ("2023-01-31T00:00:00", "xmp")),
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
    "IPTC with half a time": ({}, UNKNOWN, {"iptc": iptc(b"20240131", b"9")}, ("2024-01-31T00:00:00", "iptc")),
    "half a day of IPTC": ({}, Origin(FULL), {"iptc": iptc(b"20240100")}, ("2024-01-31T14:22:33", "name")),
    "a name and the file": (
        ({}, Origin("IMG-20240131-WA0007.jpg", "2024-01-31T18:00:00+00:00"), {}, ("2024-01-31T18:00:00+00:00", "file"))
    ),
    "midnight by the clock": (({ORIGINAL: "2024:01:31 00:00:00"}, Origin(FULL), {}, ("2024-01-31T00:00:00", "exif"))),
}


@pytest.mark.parametrize(("camera", "origin", "blocks", "expected"), DAYS.values(), ids=DAYS)
def test_a_time_takes_precedence_over_the_mere_date_of_the_same_day(
    camera: dict[int, str], origin: Origin, blocks: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert capture_time(camera, origin, **blocks) == expected


def test_iptc_adds_the_offset_that_exif_lacks() -> None:
    assert capture_time({ORIGINAL: "2024:01:31 14:22:33"}, iptc=iptc(b"20240131", b"142233+0900")) == (
        "2024-01-31T14:22:33+09:00",
        "exif",
    )


def photo(path: Path, tags: dict[int, str], camera: dict[int, str]) -> Path:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(camera)
    Image.new("RGB", (16, 16)).save(path, "JPEG", exif=exif.tobytes())
    return path


ORDER = [
    ({}, {ORIGINAL: "2001:02:03 04:05:06"}, FULL, ("2001-02-03T04:05:06", "exif")),
    ({CHANGED: "2002:02:03 04:05:06"}, {}, FULL, ("2024-01-31T14:22:33", "name")),
    ({CHANGED: "2002:02:03 04:05:06"}, {}, "2024-01-31 Birthday.jpg", ("2002-02-03T04:05:06", "exif")),
    ({}, {}, "2024-01-31 Birthday.jpg", ("2024-01-31T00:00:00", "name")),
    ({}, {}, "IMG_1234.JPG", ("2023-05-06T07:08:09+00:00", "file")),
]


@pytest.mark.parametrize(("tags", "camera", "name", "expected"), ORDER)
def test_the_source_of_the_capture_time_is_reported(
    tmp_path: Path, out: Path, tags: dict[int, str], camera: dict[int, str], name: str, expected: tuple[str, str]
) -> None:
    source = photo(tmp_path / "photo", tags, camera)

    metadata = develop(source, out, origin=Origin(name, MODIFIED)).metadata

    assert (metadata.taken_at, metadata.taken_from) == expected


@pytest.mark.parametrize("modified", [None, "", "nonsense", "1970-01-01T00:00:00+00:00", "1980-01-01T00:00:00+00:00"])
def test_the_capture_time_is_unknown_without_a_source(tmp_path: Path, out: Path, modified: str | None) -> None:
    source = photo(tmp_path / "photo", {}, {})

    metadata = develop(source, out, origin=Origin("IMG_1234.JPG", modified)).metadata

    assert (metadata.taken_at, metadata.taken_from) == (None, None)


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
        metadata = sandbox.develop(source, out, Origin(FULL, MODIFIED)).metadata

    assert (metadata.taken_at, metadata.taken_from) == ("2024-01-31T14:22:33", "name")


@pytest.mark.parametrize(
    ("name", "expected"), [("IMG_1234.JPG", [MODIFIED, "file"]), (FULL, ["2024-01-31T14:22:33", "name"])]
)
def test_the_command_uses_the_files_name_and_date(tmp_path: Path, out: Path, name: str, expected: list[str]) -> None:
    source = photo(tmp_path / name, {}, {})
    modified = datetime.fromisoformat(MODIFIED).timestamp()
    os.utime(source, (modified, modified))

    command = [sys.executable, "-m", "processing.pipeline", str(source), str(out)]
    process = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)

    metadata = json.loads(process.stdout)
    assert [metadata["taken_at"], metadata["taken_from"]] == expected
