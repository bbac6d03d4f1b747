"""What a picture says about itself, from EXIF, XMP and IPTC.

Every byte of it is a stranger's. Whatever is wrong with it, the photo is still a photo: what cannot be read
is left out, what can be is cleaned.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from processing.pipeline.metadata import moments, names, takeout, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.metadata.exif import Exif
from processing.pipeline.metadata.iptc import Iptc
from processing.pipeline.metadata.xmp import MOST_BYTES, Xmp
from processing.pipeline.picture import UNKNOWN, Exposure, Metadata, Origin

MOST_KEYWORDS = 200


def read(blocks: Blocks, origin: Origin = UNKNOWN) -> Metadata:
    """Where sources differ, what a person wrote (XMP, then IPTC) wins over what the camera wrote (EXIF).

    The time and what it was taken with are the exception: the camera was there.
    """
    exif, xmp, iptc = Exif(blocks), Xmp(blocks.xmp), Iptc(blocks.iptc)
    taken_at, taken_from = _taken(exif, xmp, iptc, origin)
    return Metadata(
        taken_at=taken_at,
        taken_from=taken_from,
        camera=exif.camera or xmp.camera,
        lens=exif.lens or xmp.lens,
        exposure=exif.exposure if exif.exposure != Exposure() else xmp.exposure,
        gps=exif.gps or xmp.gps,
        title=text.first_line(
            xmp.value("dc:title"), iptc.value(5), exif.title, xmp.value("photoshop:Headline"), iptc.value(105)
        ),
        caption=text.first(xmp.value("dc:description"), iptc.value(120), *exif.captions),
        keywords=_keywords(exif, xmp, iptc),
        creator=text.first_line(xmp.value("dc:creator"), iptc.value(80), exif.creator),
        copyright=text.first_line(xmp.value("dc:rights"), iptc.value(116), exif.copyright),
        rating=_rating(xmp.value("xmp:Rating"), exif.rating),
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


def _taken(exif: Exif, xmp: Xmp, iptc: Iptc, origin: Origin) -> tuple[str | None, str | None]:
    """The time, and what told it. When a file was changed is less than what its name says, and a day less than a moment."""
    named = names.read(origin.name)
    moment = named.moment if named else None
    candidates = [
        *(("exif", _placed(date, xmp.dates)) for date in (exif.original, exif.digitized)),
        *(("xmp", date) for date in xmp.dates),
        ("iptc", iptc.created),
        ("name", moment if named and named.is_exact else None),
        ("exif", exif.changed),
        ("name", moment),
        ("file", moments.from_iso(origin.modified_at)),
    ]
    found = ((moments.written(date), source) for source, date in candidates if date)
    return next(found, (None, None))


def _placed(date: datetime | None, others: list[datetime]) -> datetime | None:
    """With the offset that XMP knows of the same moment, where EXIF knows none."""
    if date is None or date.tzinfo:
        return date
    same = (other for other in others if other.replace(tzinfo=None, microsecond=0) == date.replace(microsecond=0))
    return date.replace(tzinfo=next((other.tzinfo for other in same if other.tzinfo), None))


def _keywords(exif: Exif, xmp: Xmp, iptc: Iptc) -> tuple[str, ...]:
    found = (text.line(word) for word in (*xmp.keywords, *iptc.values(25), *exif.keywords))
    return tuple(dict.fromkeys(word for word in found if word))[:MOST_KEYWORDS]


def _rating(*candidates: str | None) -> int | None:
    """Stars, 0 to 5; -1 is XMP's "rejected"."""
    for candidate in candidates:
        if candidate and candidate.strip() in {"-1", "0", "1", "2", "3", "4", "5"}:
            return int(candidate)
    return None
