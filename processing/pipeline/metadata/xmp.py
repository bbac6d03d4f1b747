"""XMP (ISO 16684-1): the RDF packet that editors write.

Packets are read only without a document type: entities are how XML makes a gigabyte of a kilobyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree

from processing.pipeline.metadata import moments, text
from processing.pipeline.picture import Exposure, Gps

MOST_BYTES = 4 * 1024 * 1024
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMESPACES = {
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
DATES = ("photoshop:DateCreated", "exif:DateTimeOriginal", "xmp:CreateDate")
COORDINATE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])")
RATIONAL = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)(?:/(\d{1,15}))?")


class Xmp:
    def __init__(self, packets: Iterable[bytes]) -> None:
        roots = [root for root in map(_parsed, packets) if root is not None]
        self._descriptions = [found for root in roots for found in root.iter(RDF + "Description")]

    def value(self, name: str) -> str | None:
        return next(self.values(name), None)

    def values(self, name: str) -> Iterator[str]:
        """All that a property says: as an attribute, as text, or as the items of a list."""
        prefix, _, local = name.partition(":")
        key = f"{{{NAMESPACES[prefix]}}}{local}"
        for description in self._descriptions:
            if key in description.attrib:
                yield description.attrib[key]
            for element in description.findall(key):
                yield from _texts(element)

    @property
    def dates(self) -> list[datetime]:
        """When it was taken, the surest first."""
        return [moment for moment in (moments.from_xmp(self.value(name)) for name in DATES) if moment]

    @property
    def camera(self) -> str | None:
        return text.camera(self.value("tiff:Make"), self.value("tiff:Model"))

    @property
    def lens(self) -> str | None:
        return text.first_line(self.value("exifEX:LensModel"), self.value("aux:Lens"))

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
        latitude, longitude = (_degrees(self.value(f"exif:GPS{side}")) for side in ("Latitude", "Longitude"))
        if latitude is None or longitude is None or latitude == longitude == 0 or abs(latitude) > 90:
            return None
        return Gps(latitude, longitude)

    @property
    def keywords(self) -> list[str]:
        """Those of a tree only where there are no plain ones: the last word is the keyword, those before it where it stands."""
        plain = list(self.values("dc:subject"))
        trees = (*self.values("lr:hierarchicalSubject"), *self.values("digiKam:TagsList"))
        return plain or [re.split(r"[|/]", tree)[-1] for tree in trees]

    def _number(self, name: str) -> float | None:
        found = RATIONAL.fullmatch((self.value(name) or "").strip())
        number = float(found[1]) / float(found[2] or 1) if found and float(found[2] or 1) else 0.0
        return float(f"{number:.6g}") if number > 0 else None


def _degrees(value: str | None) -> float | None:
    """`51,33.7480N` or `51,33,44N` (XMP, part 2, GPSCoordinate)."""
    found = COORDINATE.fullmatch((value or "").strip())
    if not found:
        return None
    degrees = float(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
    if degrees > 180:
        return None
    return round(-degrees if found[4] in "SW" else degrees, 7)


def _texts(element: ElementTree.Element) -> Iterator[str]:
    items = [item.text for item in element.iter(RDF + "li")] or [element.text]
    yield from (item for item in items if item and item.strip())


def _parsed(packet: bytes) -> ElementTree.Element | None:
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff"):
        packet = packet.decode("utf-16", "ignore").encode("utf-8", "ignore")
    found = re.search(rb"<(?:\w+:)?(?:xmpmeta|xapmeta|RDF)\b.*</(?:\w+:)?(?:xmpmeta|xapmeta|RDF)>", packet, re.DOTALL)
    if not found or len(packet) > MOST_BYTES or b"<!" in found[0]:
        return None
    try:
        return ElementTree.fromstring(found[0].decode("utf-8"))  # noqa: S314 - no "<!", so no entities.
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError):
        return None
