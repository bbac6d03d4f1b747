"""XMP from any program: several descriptions, spellings of numbers, lenses, and extended XMP."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.pipeline.metadata import read, read_sidecar
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Metadata
from processing.pipeline.render.develop import develop
from tests.pipeline.metadata.xmp_packets import NAMESPACES, packet, tag

OTHER_PICTURE = (
    "<rdf:Description xmp:Rating='5' photoshop:DateCreated='1999-01-01T01:02:03' tiff:Make='Canon'"
    " exif:GPSLatitude='60,30N' exif:GPSLongitude='7,30E'>"
    + tag("dc:title", "Stock sky")
    + tag("dc:creator", "Somebody Else")
    + tag("dc:subject", "sky")
    + "</rdf:Description>"
)


NESTED_DESCRIPTIONS = {
    "pantry": f"<xmpMM:Pantry><rdf:Bag><rdf:li>{OTHER_PICTURE}</rdf:li></rdf:Bag></xmpMM:Pantry>",
    "ingredients": f"<xmpMM:Ingredients><rdf:Bag><rdf:li>{OTHER_PICTURE}</rdf:li></rdf:Bag></xmpMM:Ingredients>",
    "history": f"<xmpMM:History><rdf:Seq><rdf:li>{OTHER_PICTURE}</rdf:li></rdf:Seq></xmpMM:History>",
    "origin": f"<xmpMM:DerivedFrom>{OTHER_PICTURE}</xmpMM:DerivedFrom>",
    "regions": f"<mwg-rs:Regions><rdf:Description><mwg-rs:RegionList><rdf:Bag><rdf:li>{OTHER_PICTURE}</rdf:li></rdf:Bag>"
    "</mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>",
}


@pytest.mark.parametrize("elements", NESTED_DESCRIPTIONS.values(), ids=NESTED_DESCRIPTIONS)
def test_xmp_that_describes_another_picture_is_ignored(elements: str) -> None:
    assert read_sidecar(packet("", elements)) == Metadata()
    assert read_sidecar(packet("", elements + tag("dc:title", "Own"))) == Metadata(title="Own")


def test_several_xmp_descriptions_of_a_picture_are_merged() -> None:
    second = f"<rdf:Description {NAMESPACES} xmp:Rating='4'/>".encode()
    content = packet("", tag("dc:title", "Own")).replace(b"</rdf:RDF>", second + b"</rdf:RDF>")

    assert read_sidecar(content) == Metadata(title="Own", rating=4)


def test_the_title_in_the_default_language_is_used() -> None:
    title = "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Meer</rdf:li><rdf:li xml:lang='x-default'>Sea</rdf:li></rdf:Alt></dc:title>"

    assert read_sidecar(packet("", title)).title == "Sea"


@pytest.mark.parametrize(
    "title",
    [
        "<dc:title rdf:parseType='Resource'><rdf:value>Sea</rdf:value><x:q xmlns:x='q'>no</x:q></dc:title>",
        "<dc:title><rdf:Description><rdf:value>Sea</rdf:value></rdf:Description></dc:title>",
        "<dc:title rdf:value='Sea'/>",
        "<dc:title>Sea</dc:title>",
    ],
)
def test_an_xmp_value_with_qualifiers_is_read(title: str) -> None:
    assert read_sidecar(packet("", title)).title == "Sea"


RATINGS = {
    "4": 4,
    "4.0": 4,
    " 4 ": 4,
    "3.5": 4,
    "0": 0,
    "-1": -1,
    "-1.0": -1,
    "5.00": 5,
    "4,0": 4,
    "75%": 4,
    "99": 5,
    "100%": 5,
    "1%": 1,
    "0%": 0,
    "-2": None,
    "101": None,
    "1000": None,
    "good": None,
    "nan": None,
    "": None,
}


@pytest.mark.parametrize(("rating", "stars"), RATINGS.items())
def test_a_rating_is_read_in_any_spelling(rating: str, stars: int | None) -> None:
    assert read_sidecar(packet(f'xmp:Rating="{rating}"')).rating == stars


def test_a_bare_ampersand_in_an_xmp_text_is_kept() -> None:
    assert read_sidecar(packet('xmp:Rating="3"', tag("dc:title", "Salt & pepper"))).title == "Salt & pepper"


@pytest.mark.parametrize(("percent", "stars"), [(0, 0), (1, 1), (25, 2), (50, 3), (75, 4), (99, 5), (100, 5)])
def test_a_rating_by_windows_is_converted_from_percent(percent: int, stars: int) -> None:
    assert read_sidecar(packet(f'MicrosoftPhoto:Rating="{percent}"')).rating == stars
    assert read(Blocks(main={0x4749: percent})).rating == stars
    assert read(Blocks(main={0x4746: 2, 0x4749: percent})).rating == 2


@pytest.mark.parametrize("lens", ["----", "0.0 mm f/0.0", "  ", "n/a", "?", "65535"])
def test_a_placeholder_for_an_unknown_lens_is_ignored(lens: str) -> None:
    assert read(Blocks(camera={0xA434: lens})).lens is None
    assert read_sidecar(packet(f'aux:Lens="{lens}"')).lens is None


@pytest.mark.parametrize(
    "sidecar",
    [
        packet('aux:LensInfo="18/1 55/1 35/10 56/10"'),
        packet(
            "",
            "<exifEX:LensSpecification><rdf:Seq>"
            + "".join(f"<rdf:li>{n}</rdf:li>" for n in ("18/1", "55", "3.5", "56/10"))
            + "</rdf:Seq></exifEX:LensSpecification>",
        ),
        packet('aux:Lens="----" aux:LensInfo="18/1 55/1 35/10 56/10"'),
    ],
)
def test_a_lens_without_a_name_is_named_by_its_xmp_specification(sidecar: bytes) -> None:
    assert read_sidecar(sidecar).lens == "18-55mm f/3.5-5.6"


def test_leaves_of_hierarchical_keywords_are_used_if_there_are_no_others() -> None:
    tree = tag("lr:hierarchicalSubject", "Places|Europe|Zürich", "People|Ansel")

    assert read_sidecar(packet("", tree)).keywords == ("Zürich", "Ansel")
    assert read_sidecar(packet("", tree + tag("dc:subject", "plain"))).keywords == ("plain",)


@pytest.mark.parametrize(
    "attributes",
    [
        'exif:FNumber="1/0"',
        'exif:FNumber="-3/1"',
        'exif:FNumber="nan"',
        'exif:GPSLatitude="99,0N" exif:GPSLongitude="1,0E"',
    ],
)
def test_impossible_xmp_numbers_are_left_out(attributes: str) -> None:
    assert read_sidecar(packet(attributes)) == Metadata()


def extended(portions: list[bytes], guid: bytes, **options: Any) -> list[bytes]:
    total = sum(map(len, portions))
    offsets = [sum(map(len, portions[:n])) for n in range(len(portions))]
    header = b"http://ns.adobe.com/xmp/extension/\0" + guid
    return [
        header + struct.pack(">II", total, offset) + portion for offset, portion in zip(offsets, portions, strict=True)
    ]


def with_segments(path: Path, segments: list[bytes], xmp: bytes) -> Path:
    Image.new("RGB", (16, 16)).save(path, "JPEG", xmp=xmp)
    content = path.read_bytes()
    app1_segments = b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment for segment in segments)
    path.write_bytes(content[:2] + app1_segments + content[2:])
    return path


GUID = b"0123456789ABCDEF0123456789ABCDEF"


POINTER = packet(f'xmpNote:HasExtendedXMP="{GUID.decode()}" xmp:Rating="3"')


def test_extended_xmp_is_read(tmp_path: Path, out: Path) -> None:
    extension = packet("", tag("dc:subject", *(f"word {n}" for n in range(150))))
    portions = extended([extension[:3000], extension[3000:]], GUID)
    source = with_segments(tmp_path / "photo", portions[::-1], POINTER)

    metadata = develop(source, out).metadata

    assert (metadata.rating, len(metadata.keywords), metadata.keywords[-1]) == (3, 150, "word 149")


def test_extended_xmp_with_another_guid_is_ignored(tmp_path: Path, out: Path) -> None:
    portions = extended([packet("", tag("dc:subject", "stranger"))], b"F" * 32)
    source = with_segments(tmp_path / "photo", portions, POINTER)

    metadata = develop(source, out).metadata

    assert (metadata.rating, metadata.keywords) == (3, ())
