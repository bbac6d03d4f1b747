"""XMP (ISO 16684-1): the RDF packet that editors write.

Only the standard packet is read, not its extension, and only without a document type: entities are how XML
makes a gigabyte of a kilobyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image

MOST_BYTES = 1024 * 1024
TIFF_TAG = 700
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMESPACES = {
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


class Xmp:
    def __init__(self, image: Image.Image) -> None:
        root = _parsed(_packet(image))
        self._descriptions = [] if root is None else list(root.iter(RDF + "Description"))

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


def _texts(element: ElementTree.Element) -> Iterator[str]:
    items = [item.text for item in element.iter(RDF + "li")] or [element.text]
    yield from (item for item in items if item and item.strip())


def _packet(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if packet is None and image.format == "TIFF":
        packet = getattr(image, "tag_v2", {}).get(TIFF_TAG)
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "ignore")
    return packet if isinstance(packet, bytes) else b""


def _parsed(packet: bytes) -> ElementTree.Element | None:
    found = re.search(rb"<(?:\w+:)?(?:xmpmeta|xapmeta|RDF)\b.*</(?:\w+:)?(?:xmpmeta|xapmeta|RDF)>", packet, re.DOTALL)
    if not found or len(packet) > MOST_BYTES or b"<!" in found[0]:
        return None
    try:
        return ElementTree.fromstring(found[0].decode("utf-8"))  # noqa: S314 - no "<!", so no entities.
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError):
        return None
