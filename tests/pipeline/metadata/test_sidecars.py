"""Sidecars in any encoding and wrapper are read; hostile ones are parsed without a long search."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from processing.pipeline import errors as pipeline_errors
from processing.pipeline.formats.detect import detect
from processing.pipeline.metadata import read, read_sidecar
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Exposure, Gps, Metadata
from tests.pipeline.metadata.xmp_packets import packet, tag

EVERYTHING = packet(
    'xmp:Rating="5" tiff:Make="Canon" tiff:Model="Canon EOS R5" aux:Lens="RF24-70mm F2.8" exif:FNumber="28/10"'
    ' exif:ExposureTime="1/250" exif:FocalLength="35/1" exif:GPSLatitude="46,56.88N" exif:GPSLongitude="7,26,51W"'
    ' exif:DateTimeOriginal="2024-01-31T14:22:33.5+01:00"',
    tag("dc:title", "A title")
    + tag("dc:description", "Zürich, 東京")
    + tag("dc:subject", "one", "two")
    + tag("dc:creator", "Ansel")
    + tag("dc:rights", "(c) Ansel")
    + tag("exif:ISOSpeedRatings", "400"),
)


def test_a_sidecar_can_have_all_metadata_of_a_picture() -> None:
    assert read_sidecar(EVERYTHING) == Metadata(
        taken_at="2024-01-31T14:22:33.500+01:00",
        taken_from="xmp",
        camera="Canon EOS R5",
        lens="RF24-70mm F2.8",
        exposure=Exposure(2.8, 0.004, 400, 35.0),
        gps=Gps(46.948, -7.4475),
        title="A title",
        caption="Zürich, 東京",
        keywords=("one", "two"),
        creator="Ansel",
        copyright="(c) Ansel",
        rating=5,
    )


def test_a_sidecar_in_utf_16_is_read() -> None:
    assert read_sidecar(EVERYTHING.decode().encode("utf-16")) == read_sidecar(EVERYTHING)


SURROUNDINGS = {
    "its wrapper": EVERYTHING,
    "the older wrapper": EVERYTHING.replace(b"x:xmpmeta", b"x:xapmeta"),
    "icloudpd's wrapper": EVERYTHING.replace(b"x:xmpmeta", b"x:xml_doc"),
    "no wrapper": EVERYTHING[EVERYTHING.index(b"<rdf:RDF") : EVERYTHING.index(b"</x:xmpmeta>")],
    "instructions": b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    + EVERYTHING
    + b" " * 99
    + b'<?xpacket end="w"?>',
    "a declaration": b"<?xml version='1.0' encoding='utf-8'?>\n" + EVERYTHING,
    "a byte order mark": b"\xef\xbb\xbf" + EVERYTHING,
    "comments": b"<!-- <x:xmpmeta> <a> -->"
    + EVERYTHING.replace(b"<rdf:RDF", b"<!-- by hand & more --><rdf:RDF")
    + b"<!-- end -->",
    "a comment with a closing tag, after the packet": EVERYTHING + b"<!-- </x:xmpmeta> -->",
    "a comment with a closing tag, within the packet": EVERYTHING.replace(
        b"<rdf:RDF", b"<!-- </x:xmpmeta> --><rdf:RDF", 1
    ),
    "another packet after it": EVERYTHING + EVERYTHING.replace(b"A title", b"Another"),
    "a comment in a text": EVERYTHING.replace(b"A title", b"A <!-- small -->title"),
    "CDATA": EVERYTHING.replace(b"A title", b"<![CDATA[A title]]>"),
    "CDATA with punctuation": EVERYTHING.replace(b"(c) Ansel", b"<![CDATA[(c)]]> Ansel"),
    "a bare ampersand": EVERYTHING.replace(b"A title", b"A title<!-- salt & pepper -->").replace(
        b"(c) Ansel", b"(c) Ansel &#0;&#x1f;"
    ),
    "a prefix without a namespace": EVERYTHING.replace(b"<dc:title>", b"<crs:Look lens:id='1'>x</crs:Look><dc:title>"),
    "a null byte": EVERYTHING.replace(b"A title", b"A \0title"),
    "junk after it": EVERYTHING + b"\0\0junk <x",
    "UTF-16 without a byte order mark": EVERYTHING.decode().encode("utf-16-le"),
    "UTF-16, big-endian": EVERYTHING.decode().encode("utf-16-be"),
    "UTF-32": EVERYTHING.decode().encode("utf-32"),
}


@pytest.mark.parametrize("content", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_a_sidecar_is_read_with_any_wrapper_or_encoding(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.xmp").write_bytes(content)

    assert read_sidecar(content) == read_sidecar(EVERYTHING)
    with (tmp_path / "photo.xmp").open("rb") as file, pytest.raises(pipeline_errors.Sidecar):
        detect(file)


@pytest.mark.parametrize("declared", ["ISO-8859-1", "windows-1252", "nonsense", "utf-8"])
def test_a_sidecar_in_another_charset_is_read(declared: str) -> None:
    content = EVERYTHING.decode().replace(", 東京", "").encode("latin-1")

    assert read_sidecar(f"<?xml version='1.0' encoding='{declared}'?>".encode() + content).caption == "Zürich"


@pytest.mark.parametrize(
    "kind", [b"<!DOCTYPE x>", b'<!DOCTYPE x [<!ENTITY a "b">]>', b'<!doctype x SYSTEM "file:///etc/passwd">']
)
def test_a_sidecar_with_a_document_type_is_ignored(kind: bytes) -> None:
    assert read_sidecar(kind + EVERYTHING) == Metadata()
    assert read_sidecar(b"<!-- c -->" + kind + EVERYTHING) == Metadata()
    assert read_sidecar(EVERYTHING.replace(b"<rdf:RDF", kind + b"<rdf:RDF")) == Metadata()


@pytest.mark.parametrize(
    "content", [b"<!--" * 300_000, b"<!-- -->" * 200_000, b"<x:xmpmeta>" * 100_000, b"<?x?>" * 200_000]
)
def test_a_hostile_sidecar_is_parsed_without_a_long_search(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photo.xmp").write_bytes(content)

    assert read_sidecar(content) == Metadata()
    with (tmp_path / "photo.xmp").open("rb") as file, pytest.raises(pipeline_errors.ImageRejected):
        detect(file)


@pytest.mark.parametrize(
    "value",
    [
        "2010:04:25" + " " * 300_000 + "x",
        "5" + " " * 300_000 + "x",
        "1" * 300_000,
        "-" * 300_000,
        "<" * 5000,
        "dcim/" * 60_000,
    ],
)
def test_a_hostile_value_is_parsed_without_a_long_search(value: str) -> None:
    names = (
        "xmp:Rating",
        "xmp:CreateDate",
        "exif:GPSLatitude",
        "exif:GPSAltitude",
        "exif:FNumber",
        "aux:LensInfo",
        "dc:title",
    )

    sidecar = read_sidecar(packet(" ".join(f'{name}="{escape(value)}"' for name in names)))
    exif = read(
        Blocks(main={0x0132: value, 0x010E: value}, camera={0x9003: value, 0x9011: value, 0x9291: value, 0xA434: value})
    )

    assert (sidecar.rating, sidecar.gps, sidecar.exposure) == (None, None, Exposure())
    assert (sidecar.taken_at, exif.taken_at) == (
        ("2010-04-25T00:00:00",) * 2 if value.startswith("2010") else (None, None)
    )


WITH_ENTITIES = EVERYTHING.replace(b"<rdf:RDF", b'<!ENTITY a "b"><rdf:RDF')


NO_SIDECARS = {
    "empty": b"",
    "text": b"no xml",
    "UTF-16": b"\xff\xfe\0",
    "truncated": EVERYTHING[:-9],
    "long": bytes(5_000_000),
}


@pytest.mark.parametrize("content", [*NO_SIDECARS.values(), WITH_ENTITIES], ids=[*NO_SIDECARS, "with entities"])
def test_a_file_that_is_no_sidecar_has_no_metadata(content: bytes) -> None:
    assert read_sidecar(content) == Metadata()
