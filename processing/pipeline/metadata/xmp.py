"""XMP (ISO 16684-1): the RDF packet that editors write.

Packets are read only without a document type: entities are how XML makes a gigabyte of a kilobyte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

MOST_BYTES = 4 * 1024 * 1024
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMESPACES = {
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}


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


def _texts(element: ElementTree.Element) -> Iterator[str]:
    items = [item.text for item in element.iter(RDF + "li")] or [element.text]
    yield from (item for item in items if item and item.strip())


def _parsed(packet: bytes) -> ElementTree.Element | None:
    found = re.search(rb"<(?:\w+:)?(?:xmpmeta|xapmeta|RDF)\b.*</(?:\w+:)?(?:xmpmeta|xapmeta|RDF)>", packet, re.DOTALL)
    if not found or len(packet) > MOST_BYTES or b"<!" in found[0]:
        return None
    try:
        return ElementTree.fromstring(found[0].decode("utf-8"))  # noqa: S314 - no "<!", so no entities.
    except (ElementTree.ParseError, UnicodeDecodeError, ValueError):
        return None
