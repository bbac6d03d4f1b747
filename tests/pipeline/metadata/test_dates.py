"""Dates and UTC offsets are read from EXIF, XMP and IPTC in any spelling."""

from __future__ import annotations

import pytest

from processing.pipeline.metadata import dates
from tests.pipeline.metadata.conftest import Read, xmp_element
from tests.pipeline.metadata.test_metadata import CHANGED, DIGITIZED, ORIGINAL


def test_the_capture_date_is_local_with_fraction_and_offset(read: Read) -> None:
    metadata = read(camera={ORIGINAL: "2021:04:10 11:44:00", 0x9291: "814", 0x9011: "+01:00"})

    assert metadata.taken_at == "2021-04-10T11:44:00.814+01:00"


def test_the_original_date_takes_precedence_over_other_dates(read: Read) -> None:
    camera = {ORIGINAL: "2001:01:01 01:01:01", DIGITIZED: "2002:02:02 02:02:02"}
    xmp = xmp_element('xmp:CreateDate="2003-03-03T03:03:03"')
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
