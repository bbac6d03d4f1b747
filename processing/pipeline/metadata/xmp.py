"""Reads XMP (ISO 16684-1), the RDF packet that editors write.

Entities can expand a kilobyte of XML to a gigabyte. They are declared in a document type, which XML allows only before the root
element. So a packet is parsed from its root on, and is rejected if a document type precedes the root.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from xml.etree import ElementTree

from processing.pipeline.metadata import coordinates, lenses, text
from processing.pipeline.metadata import dates as metadata_dates
from processing.pipeline.metadata.dates import CaptureDate
from processing.pipeline.picture import Exposure, Gps

MAX_BYTES = 4 * 1024 * 1024
MAX_END_TAGS = 8
"""End tags of the root to try: one may be inside a comment, and another packet may follow the first."""
ROOT = re.compile(r"<!--|<((?:[\w.-]{1,40}:)?(?:xmpmeta|xapmeta|xml_doc|RDF))(?=[\s>])")
DOCUMENT_TYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
ENCODING = re.compile(rb"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.-]{1,40})[\"']")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML forbids. They are removed: a camera that writes NUL into a name must not make the packet unreadable."""
REFERENCE = re.compile(r"&(?:#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}));|(?:amp|lt|gt|quot|apos);)?")
PREFIX = re.compile(r"[<\s]/?([A-Za-z_][\w.-]{0,40}):[\w.-]+(?=[\s=/>])")
DECLARED = re.compile(r"\sxmlns:([\w.-]{1,41})\s*=")
MAX_PREFIXES = 100
"""More prefixes without a namespace are not declared."""
WIDE = (
    *((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be")),
    *((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")),
)
WESTERN = "darkroom-western"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMESPACES = {
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
DATES = ("photoshop:DateCreated", "exif:DateTimeOriginal", "xmp:CreateDate", "exif:DateTimeDigitized")
RATIONAL = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)(?:/(\d{1,15}))?")


class Xmp:
    def __init__(self, packets: Iterable[bytes]) -> None:
        roots = [root for root in map(_parsed, packets) if root is not None]
        # Top level only. Nested descriptions are of ingredients (Photoshop's pantry), former states, and regions of the picture.
        self._descriptions = [
            description
            for tree in map(_trees, roots)
            for rdf in tree
            for description in rdf.findall(RDF + "Description")
        ]

    def value(self, name: str) -> str | None:
        return next(self.values(name), None)

    def values(self, name: str) -> Iterator[str]:
        """Yields all values of a property: an attribute, a text, or the items of a list."""
        prefix, _, local = name.partition(":")
        key = f"{{{NAMESPACES[prefix]}}}{local}"
        for description in self._descriptions:
            if key in description.attrib:
                yield description.attrib[key]
            for element in description.findall(key):
                yield from _texts(element)

    @property
    def dates(self) -> list[CaptureDate]:
        """The dates taken, the most reliable first."""
        return [date for date in (metadata_dates.from_text(self.value(name)) for name in DATES) if date]

    @property
    def camera(self) -> str | None:
        return text.camera(self.value("tiff:Make"), self.value("tiff:Model"))

    @property
    def lens(self) -> str | None:
        names = map(lenses.clean_name, (self.value("exifEX:LensModel"), self.value("aux:Lens")))
        return next(filter(None, names), None) or lenses.name_from_numbers(self._lens_numbers)

    @property
    def exposure(self) -> Exposure:
        iso = self._number("exif:ISOSpeedRatings") or self._number("exifEX:PhotographicSensitivity")
        return Exposure(
            aperture=self._number("exif:FNumber"),
            shutter_seconds=self._number("exif:ExposureTime"),
            iso=round(iso) if iso and iso < 10_000_000 else None,
            focal_length_mm=self._number("exif:FocalLength"),
        )

    @property
    def gps(self) -> Gps | None:
        altitude = coordinates.altitude(self.value("exif:GPSAltitude"), self.value("exif:GPSAltitudeRef"))
        return coordinates.position(*self._coordinates, altitude)

    @property
    def has_hemispheres(self) -> bool:
        """True if the position has named hemispheres or a minus sign."""
        return coordinates.has_hemispheres(*self._coordinates)

    @property
    def ratings(self) -> tuple[str | None, ...]:
        """Stars, then Windows's percentage, unparsed."""
        percent = self.value("MicrosoftPhoto:Rating")
        return self.value("xmp:Rating"), f"{percent}%" if percent else None

    @property
    def keywords(self) -> list[str]:
        """The flat keywords, or if there are none, the last element of each hierarchical keyword."""
        flat = list(self.values("dc:subject"))
        hierarchical = (*self.values("lr:hierarchicalSubject"), *self.values("digiKam:TagsList"))
        return flat or [re.split(r"[|/]", path)[-1] for path in hierarchical]

    @property
    def _coordinates(self) -> tuple[coordinates.Coordinate | None, coordinates.Coordinate | None]:
        latitude = self._coordinate(coordinates.LATITUDE, "exif:GPSLatitude")
        return latitude, self._coordinate(coordinates.LONGITUDE, "exif:GPSLongitude")

    def _coordinate(self, axis: coordinates.Axis, name: str) -> coordinates.Coordinate | None:
        return coordinates.from_text(axis, self.value(name), self.value(name + "Ref"))

    @property
    def _lens_numbers(self) -> list[float | None]:
        """The numbers from a list of fractions (exifEX) or from one text (aux): `24/1 70/1 28/10 28/10`."""
        fractions = list(self.values("exifEX:LensSpecification")) or (self.value("aux:LensInfo") or "").split()
        return [_fraction(fraction) for fraction in fractions[:5]]

    def _number(self, name: str) -> float | None:
        number = _fraction(self.value(name)) or 0.0
        return float(f"{number:.6g}") if number > 0 else None


def _fraction(value: str | None) -> float | None:
    """Parses `28/10` or `2.8`; None for `0/0` and for text that is not a number."""
    match = RATIONAL.fullmatch((value or "").strip())
    return float(match[1]) / float(match[2] or 1) if match and float(match[2] or 1) else None


def _trees(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [root] if root.tag == RDF + "RDF" else root.findall(RDF + "RDF")


def _texts(element: ElementTree.Element) -> Iterator[str]:
    """Yields the text of the element, or of all items if it is a list; the default language comes first."""
    lists = [child for child in element if child.tag in (RDF + "Alt", RDF + "Bag", RDF + "Seq")]
    items = [item for container in lists for item in container.findall(RDF + "li")] if lists else [element]
    items.sort(key=lambda item: item.get(XML_LANG) != "x-default")
    yield from (content for content in map(_text, items) if content.strip())


def _text(element: ElementTree.Element) -> str:
    """Returns the element's text. A value with qualifiers is in an `rdf:value` element or attribute (ISO 16684-1, 7.8)."""
    for holder in (element, element.find(RDF + "Description")):
        if holder is not None:
            value = holder.findtext(RDF + "value") or holder.get(RDF + "value")
            if value:
                return value
    return element.text or ""


def _parsed(packet: bytes) -> ElementTree.Element | None:
    if len(packet) > MAX_BYTES:
        return None
    content = CONTROLS.sub("", _decoded(packet))
    return _tree(content) or _tree(_repaired(content))


def _tree(content: str) -> ElementTree.Element | None:
    if not (root := _root(content)):
        return None
    for end_tag in islice(re.finditer(rf"</{re.escape(root[1])}\s*>", content), MAX_END_TAGS):
        with suppress(ElementTree.ParseError, ValueError):
            return ElementTree.fromstring(content[root.start() : end_tag.end()])  # noqa: S314 - see the module docstring.
    return None


def _repaired(content: str) -> str:
    """Returns the packet with faults of hand-made XML corrected: bare ampersands, references to forbidden characters, and
    prefixes without a namespace."""
    content = REFERENCE.sub(_reference, content)
    prefixes = sorted({*PREFIX.findall(content)} - {*DECLARED.findall(content), "xml", "xmlns"})[:MAX_PREFIXES]
    names = "".join(f' xmlns:{prefix}="unknown:{prefix}"' for prefix in prefixes)
    root = _root(content)
    return content[: root.end()] + names + content[root.end() :] if root else content


def _reference(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&amp;"
    code = int(match[1], 16) if match[1] else int(match[2] or ord(" "))
    is_allowed = code in (9, 10, 13) or 32 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
    return match[0] if is_allowed else ""


def _root(content: str) -> re.Match[str] | None:
    """Returns the root's start tag outside comments; None if there is none or a document type precedes it."""
    offset = 0
    while match := ROOT.search(content, offset):
        if DOCUMENT_TYPE.search(content, offset, match.start()):
            return None
        if match[1]:
            return match
        offset = content.find("-->", match.end()) + 3
        if offset < 3:
            return None
    return None


def _decoded(packet: bytes) -> str:
    for prefix, charset in WIDE:
        if packet.lstrip().startswith(prefix) or packet.startswith(prefix):
            return packet.decode(charset, "ignore")
    try:
        return packet.decode("utf-8")
    except UnicodeDecodeError:
        declared = ENCODING.match(packet)
        charset = declared[1].decode("ascii") if declared else "utf-8"
    try:
        return packet.decode(charset, WESTERN)
    except (LookupError, UnicodeError, ValueError):
        return packet.decode("utf-8", WESTERN)


def _western(error: UnicodeError) -> tuple[str, int]:
    """Decodes the bytes that are invalid in the packet's charset as Windows-1252."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WESTERN, _western)
