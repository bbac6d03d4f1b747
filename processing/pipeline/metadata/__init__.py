"""What a picture says about itself, from EXIF, XMP and IPTC.

Every byte of it is a stranger's. Whatever is wrong with it, the photo is still a photo: what cannot be read
is left out, what can be is cleaned.
"""

from __future__ import annotations

from processing.pipeline.metadata import moments, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.metadata.exif import Exif
from processing.pipeline.metadata.iptc import Iptc
from processing.pipeline.metadata.xmp import Xmp
from processing.pipeline.picture import Metadata

MOST_KEYWORDS = 200


def read(blocks: Blocks) -> Metadata:
    """Where sources differ, what a person wrote (XMP, then IPTC) wins over what the camera wrote (EXIF).

    The time is the exception: the camera was there.
    """
    exif, xmp, iptc = Exif(blocks), Xmp(blocks.xmp), Iptc(blocks.iptc)
    return Metadata(
        taken_at=_taken_at(exif, xmp, iptc),
        camera=exif.camera,
        lens=exif.lens or text.line(xmp.value("aux:Lens")),
        exposure=exif.exposure,
        gps=exif.gps,
        title=text.first_line(xmp.value("dc:title"), iptc.value(5), exif.title),
        caption=text.first(xmp.value("dc:description"), iptc.value(120), *exif.captions),
        keywords=_keywords(exif, xmp, iptc),
        creator=text.first_line(xmp.value("dc:creator"), iptc.value(80), exif.creator),
        copyright=text.first_line(xmp.value("dc:rights"), iptc.value(116), exif.copyright),
        rating=_rating(xmp.value("xmp:Rating"), exif.rating),
    )


def _taken_at(exif: Exif, xmp: Xmp, iptc: Iptc) -> str | None:
    xmp_dates = (xmp.value(name) for name in ("photoshop:DateCreated", "exif:DateTimeOriginal", "xmp:CreateDate"))
    dates = [exif.original, exif.digitized, *map(moments.from_xmp, xmp_dates), iptc.created, exif.changed]
    return next((moments.written(date) for date in dates if date), None)


def _keywords(exif: Exif, xmp: Xmp, iptc: Iptc) -> tuple[str, ...]:
    found = (text.line(word) for word in (*xmp.values("dc:subject"), *iptc.values(25), *exif.keywords))
    return tuple(dict.fromkeys(word for word in found if word))[:MOST_KEYWORDS]


def _rating(*candidates: str | None) -> int | None:
    """Stars, 0 to 5; -1 is XMP's "rejected"."""
    for candidate in candidates:
        if candidate and candidate.strip() in {"-1", "0", "1", "2", "3", "4", "5"}:
            return int(candidate)
    return None
