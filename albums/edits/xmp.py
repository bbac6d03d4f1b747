"""A photo's edits as an XMP sidecar (ISO 16684-1), for downloads. Darkroom and other programs read it beside the original.

The original never contains the edits. The bytes depend on the photo's row only. A value that was not edited is left out, since
the original has it; so is a removed location, which XMP cannot express.
"""

import re
from collections.abc import Iterator
from datetime import timedelta, timezone
from xml.sax import saxutils

from albums.columns import orientation
from albums.models import Photo

HEAD = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
    xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
"""
TAIL = """  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
ENDING = ".xmp"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain, not even escaped. Keywords of files may have them."""


def sidecar(photo: Photo) -> tuple[str, bytes] | None:
    """Returns the name and the bytes of the sidecar; None if the photo has no edits.

    The name is the original's with `.xmp` added, so that a RAW and a JPEG of one name each have their own.
    """
    properties = "".join(f"   {line}\n" for line in _properties(photo))
    if not properties:
        return None
    return photo.name + ENDING, (HEAD + properties + TAIL).encode()


def _properties(photo: Photo) -> Iterator[str]:
    if photo.edited_title is not None:
        yield _text("dc:title", photo.edited_title)
    if photo.edited_caption is not None:
        yield _text("dc:description", photo.edited_caption)
    if photo.edited_keywords is not None:
        items = "".join(f"<rdf:li>{_escaped(word)}</rdf:li>" for word in photo.edited_keywords)
        yield f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"
    if photo.alt_text:
        yield _text("Iptc4xmpCore:AltTextAccessibility", photo.alt_text)
    if photo.edited_rating is not None:
        yield f"<xmp:Rating>{photo.edited_rating}</xmp:Rating>"
    yield from _date(photo)
    yield from _location(photo)
    # Programs apply it to the file's pixels in place of the file's own, which is unknown until the rotated photo is rendered.
    if photo.orientation != orientation.UPRIGHT and photo.file_orientation is not None:
        total = orientation.composed(photo.file_orientation, photo.orientation)
        yield f"<tiff:Orientation>{total}</tiff:Orientation>"


def _text(name: str, text: str) -> str:
    """Returns a text in one language, as dc:title and the like require."""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{_escaped(text)}</rdf:li></rdf:Alt></{name}>'


def _escaped(text: str) -> str:
    return saxutils.escape(FORBIDDEN.sub("", text))


def _date(photo: Photo) -> Iterator[str]:
    """Yields the local time of capture, with its offset if that is known."""
    if photo.edited_taken_at is None:
        return
    minutes = photo.edited_taken_offset_minutes
    zone = timezone(timedelta(minutes=minutes or 0))
    local_time = photo.edited_taken_at.astimezone(zone)
    if minutes is None:
        local_time = local_time.replace(tzinfo=None)
    for name in ("photoshop:DateCreated", "exif:DateTimeOriginal"):
        yield f"<{name}>{local_time.isoformat(timespec='seconds')}</{name}>"


def _location(photo: Photo) -> Iterator[str]:
    if photo.edited_latitude is None or photo.edited_longitude is None:
        return
    yield f"<exif:GPSLatitude>{_coordinate(photo.edited_latitude, 'NS')}</exif:GPSLatitude>"
    yield f"<exif:GPSLongitude>{_coordinate(photo.edited_longitude, 'EW')}</exif:GPSLongitude>"


def _coordinate(degrees: float, hemispheres: str) -> str:
    """Returns degrees and minutes (XMP, part 2, GPSCoordinate): `51,33.748000N`. Accurate to about a millimetre."""
    micro_minutes = round(abs(degrees) * 60_000_000)
    full_minutes, minutes = divmod(micro_minutes, 60_000_000)
    return f"{full_minutes},{minutes / 1_000_000:.6f}{hemispheres[degrees < 0]}"
