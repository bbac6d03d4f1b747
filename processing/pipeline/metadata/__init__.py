"""What a picture says about itself, from EXIF, XMP and IPTC.

Every byte of it is a stranger's. Whatever is wrong with it, the photo is still a photo: what cannot be read
is left out, what can be is cleaned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from processing.pipeline.metadata import boilerplate, dates, filename_dates, ratings, takeout, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.metadata.dates import Told
from processing.pipeline.metadata.exif import Exif
from processing.pipeline.metadata.iptc import Iptc
from processing.pipeline.metadata.xmp import MOST_BYTES, Xmp
from processing.pipeline.picture import UNKNOWN, Exposure, Gps, Metadata, Origin

MOST_KEYWORDS = 200


def read(blocks: Blocks, origin: Origin = UNKNOWN, now: datetime | None = None) -> Metadata:
    """What the blocks tell, and of the time what `origin` does. `now` is aware; a later time is not believed.

    Where sources differ, what a person wrote (XMP, then IPTC) wins over what the camera wrote (EXIF).
    The time and what it was taken with are the exception: the camera was there.
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
        gps=_place(exif, xmp),
        title=text.first_line(*_by_people(exif, titles)),
        caption=text.first(*_by_people(exif, captions)),
        keywords=_keywords(exif, xmp, iptc),
        creator=text.first_line(xmp.value("dc:creator"), iptc.value(80), exif.creator),
        copyright=text.first_line(xmp.value("dc:rights"), iptc.value(116), exif.copyright),
        rating=ratings.first(*xmp.ratings, *exif.ratings),
    )


def sidecar(content: bytes) -> Metadata:
    """What a sidecar (`.xmp`) says of the picture beside it; nothing, if it is none. Pure, and safe with any bytes."""
    return read(Blocks(xmp=(content,)))


def of_sidecar(source: Path) -> dict[str, Any]:
    """The same of a file, as strict JSON and without what it leaves out. One too large to be a sidecar says nothing.

    Of Google Takeout's JSON, `file` is the photo's name.
    """
    with source.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    found, name = takeout.read(content) if takeout.is_json(content) else (sidecar(content), "")
    told = asdict(found) | {"file": name or None}
    return {name: value for name, value in told.items() if value not in (None, (), asdict(Exposure()))}


def _taken(exif: Exif, xmp: Xmp, iptc: Iptc, origin: Origin, now: datetime) -> tuple[str | None, str | None]:
    """The time, and what told it. When a file was changed is less than what its name says, and a day less than a moment.

    A day alone is made exact by whatever tells a moment of that day.
    """
    named = filename_dates.read(origin.name)
    others = [*xmp.dates, *([iptc.created] if iptc.created else [])]
    candidates = [
        *(("exif", _placed(told, others)) for told in (exif.original, exif.digitized)),
        *(("xmp", told) for told in xmp.dates),
        ("iptc", iptc.created),
        ("name", named if named and named.is_exact else None),
        ("exif", exif.changed),
        ("name", named),
        ("file", dates.from_iso(origin.modified_at)),
    ]
    believed = [(source, told) for source, told in candidates if told and not dates.is_future(told.moment, now)]
    for source, told in believed:
        same_day = ((s, other) for s, other in believed if other.is_exact and other.moment.date() == told.moment.date())
        source, told = (source, told) if told.is_exact else next(same_day, (source, told))
        return dates.written(told.moment), source
    return None, None


def _placed(told: Told | None, others: list[Told]) -> Told | None:
    """With the offset that XMP or IPTC knows of the same moment, where EXIF knows none."""
    if told is None or told.moment.tzinfo:
        return told
    clock = told.moment.replace(microsecond=0)
    same = (other.moment for other in others if other.moment.replace(tzinfo=None, microsecond=0) == clock)
    zone = next((moment.tzinfo for moment in same if moment.tzinfo), None)
    return replace(told, moment=told.moment.replace(tzinfo=zone))


def _place(exif: Exif, xmp: Xmp) -> Gps | None:
    """The camera's, unless XMP tells the hemispheres and EXIF does not: bare numbers may be of any of the four."""
    is_guess = not exif.tells_hemispheres and xmp.tells_hemispheres
    return (is_guess and xmp.gps) or exif.gps or xmp.gps


def _by_people(exif: Exif, candidates: Iterable[str | None]) -> Iterator[str]:
    """Those that no camera or program wrote by itself."""
    cleaned = (words for words in map(text.clean, candidates) if words)
    return (words for words in cleaned if not boilerplate.is_boilerplate(words, exif.make, exif.model))


def _keywords(exif: Exif, xmp: Xmp, iptc: Iptc) -> tuple[str, ...]:
    found = (text.line(word) for word in (*xmp.keywords, *iptc.values(25), *exif.keywords))
    return tuple(dict.fromkeys(word for word in found if word))[:MOST_KEYWORDS]
