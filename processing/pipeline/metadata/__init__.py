"""Reads a picture's metadata from EXIF, XMP and IPTC.

The input is untrusted. Broken metadata never makes a photo fail: unreadable values are left out, readable ones are cleaned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processing.pipeline.metadata import boilerplate, dates, filename_dates, ratings, takeout, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.metadata.dates import CaptureDate
from processing.pipeline.metadata.exif import Exif
from processing.pipeline.metadata.iptc import Iptc
from processing.pipeline.metadata.xmp import MAX_BYTES, Xmp
from processing.pipeline.picture import UNKNOWN, Exposure, Gps, Metadata, Origin

MAX_KEYWORDS = 200


def read(blocks: Blocks, origin: Origin = UNKNOWN, now: datetime | None = None) -> Metadata:
    """Returns the metadata of the blocks; `origin` can also supply the date. `now` is aware; dates after it are ignored.

    Where sources differ, text written by a person (XMP, then IPTC) takes precedence over the camera's (EXIF).
    For the date, camera, lens and exposure EXIF takes precedence, because the camera recorded them itself.
    """
    exif, xmp, iptc = Exif(blocks), Xmp(blocks.xmp), Iptc(blocks.iptc)
    taken_at, taken_from = _taken(exif, xmp, iptc, origin, now or datetime.now(UTC))
    titles = (xmp.value("dc:title"), iptc.value(5), exif.title, xmp.value("photoshop:Headline"), iptc.value(105))
    captions = (xmp.value("dc:description"), iptc.value(120), *exif.captions)
    return Metadata(
        taken_at=taken_at,
        taken_from=taken_from,
        camera=exif.camera or xmp.camera,
        lens=exif.lens or xmp.lens,
        exposure=exif.exposure if exif.exposure != Exposure() else xmp.exposure,
        gps=_position(exif, xmp),
        title=text.first_line(*_by_people(exif, titles)),
        caption=text.first(*_by_people(exif, captions)),
        keywords=_keywords(exif, xmp, iptc),
        creator=text.first_line(xmp.value("dc:creator"), iptc.value(80), exif.creator),
        copyright=text.first_line(xmp.value("dc:rights"), iptc.value(116), exif.copyright),
        rating=ratings.first(*xmp.ratings, *exif.ratings),
    )


def read_sidecar(content: bytes) -> Metadata:
    """Returns the metadata in a sidecar (`.xmp`), empty if `content` is not one. Pure, and safe with any bytes."""
    return read(Blocks(xmp=(content,)))


def read_sidecar_file(source: Path) -> dict[str, Any]:
    """Returns the metadata in a sidecar file as strict JSON without empty values; {} for a file too large to be a sidecar.

    For Google Takeout's JSON, `file` is the photo's name.
    """
    with source.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    metadata, name = takeout.read(content) if takeout.is_json(content) else (read_sidecar(content), "")
    values = asdict(metadata) | {"file": name or None}
    return {key: value for key, value in values.items() if value not in (None, (), asdict(Exposure()))}


def _taken(exif: Exif, xmp: Xmp, iptc: Iptc, origin: Origin, now: datetime) -> tuple[str | None, str | None]:
    """Returns the date taken and its source, or (None, None). A modification date ranks below an exact time in the file name.

    If the best candidate is a day without a time, an exact time on the same day from any other source replaces it.
    """
    name_date = filename_dates.read(origin.name)
    editor_dates = [*xmp.dates, *([iptc.created] if iptc.created else [])]
    taken_offset, changed_offset = exif.offsets
    candidates = [
        *(("exif", _with_offset(date, editor_dates, taken_offset)) for date in (exif.original, exif.digitized)),
        *(("xmp", date) for date in xmp.dates),
        ("iptc", iptc.created),
        ("name", name_date if name_date and name_date.is_exact else None),
        ("exif", _with_offset(exif.changed, [], changed_offset)),
        ("name", name_date),
        ("file", dates.from_iso(origin.modified_at)),
    ]
    plausible = [(source, date) for source, date in candidates if date and not dates.is_future(date.moment, now)]
    for source, date in plausible:
        same_day = (
            (exact_source, exact)
            for exact_source, exact in plausible
            if exact.is_exact and exact.moment.date() == date.moment.date()
        )
        source, date = (source, date) if date.is_exact else next(same_day, (source, date))
        return dates.to_iso(date.moment), source
    return None, None


def _with_offset(date: CaptureDate | None, editor_dates: list[CaptureDate], hours: str | None) -> CaptureDate | None:
    """Adds the UTC offset of an XMP or IPTC date with the same local time, else whole `hours`, if EXIF has no offset."""
    if date is None or date.moment.tzinfo:
        return date
    local_time = date.moment.replace(microsecond=0)
    matches = (
        edited.moment for edited in editor_dates if edited.moment.replace(tzinfo=None, microsecond=0) == local_time
    )
    zone = next((moment.tzinfo for moment in matches if moment.tzinfo), dates.zone(hours))
    return replace(date, moment=date.moment.replace(tzinfo=zone))


def _position(exif: Exif, xmp: Xmp) -> Gps | None:
    """Returns EXIF's position, or XMP's if EXIF has none or only XMP gives the hemispheres: bare numbers are ambiguous."""
    is_ambiguous = not exif.has_hemispheres and xmp.has_hemispheres
    return (is_ambiguous and xmp.gps) or exif.gps or xmp.gps


def _by_people(exif: Exif, candidates: Iterable[str | None]) -> Iterator[str]:
    """Yields the texts that are not boilerplate of a camera or program."""
    texts = (cleaned for cleaned in map(text.clean, candidates) if cleaned)
    return (cleaned for cleaned in texts if not boilerplate.is_boilerplate(cleaned, exif.make, exif.model))


def _keywords(exif: Exif, xmp: Xmp, iptc: Iptc) -> tuple[str, ...]:
    keywords = (text.line(keyword) for keyword in (*xmp.keywords, *iptc.values(25), *exif.keywords))
    return tuple(dict.fromkeys(keyword for keyword in keywords if keyword))[:MAX_KEYWORDS]
