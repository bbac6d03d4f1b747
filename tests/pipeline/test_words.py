"""Words in any charset, from any place: XMP's extension, sidecars, cameras that write what they like."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.pipeline.developing import develop
from processing.pipeline.metadata import sidecar, text
from processing.pipeline.picture import Exposure, Gps, Metadata

CHARSETS = [
    ("Zürich", "utf-8"),
    ("Zürich", "cp1252"),
    ("Café “chez nous” à Genève", "cp1252"),
    ("ÅÄÖ åäö", "cp1252"),
    ("ÉTÉ À LA PLAGE", "cp1252"),
    ("東京タワーにて", "utf-8"),
    ("東京タワーにて", "cp932"),
    ("写真です", "cp932"),
    ("北京长城的照片", "gb2312"),
    ("Москва, Красная площадь", "utf-8"),
    ("Москва, Красная площадь", "cp1251"),
]


@pytest.mark.parametrize(("words", "charset"), CHARSETS)
def test_words_that_name_no_charset_are_read_all_the_same(words: str, charset: str) -> None:
    content = words.encode(charset)

    assert text.clean(text.decode(content)) == words
    assert text.clean(text.decode(content.decode("latin-1"))) == words


@pytest.mark.parametrize("content", [bytes(range(1, 256)), b"\xff" * 50, b"\x81\x40\xff\xfe"])
def test_bytes_that_are_no_words_do_no_harm(content: bytes) -> None:
    assert isinstance(text.decode(content), str)


COMMENTS = {
    "ASCII": (b"ASCII\0\0\0by hand", "by hand"),
    "UTF-8 that says it is ASCII": (b"ASCII\0\0\0" + "Zürich".encode(), "Zürich"),
    "wide, little end first": (b"UNICODE\0" + "Zürich".encode("utf-16-le"), "Zürich"),
    "wide, big end first": (b"UNICODE\0" + "Zürich".encode("utf-16-be"), "Zürich"),
    "wide, with its mark": (b"UNICODE\0" + "Zürich".encode("utf-16"), "Zürich"),
    "JIS": (b"JIS\0\0\0\0\0" + "東京".encode("iso2022_jp"), "東京"),
}


@pytest.mark.parametrize(("raw", "words"), COMMENTS.values(), ids=COMMENTS)
def test_a_comment_is_read_in_its_charset(tmp_path: Path, out: Path, raw: bytes, words: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = raw
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "JPEG", exif=exif.tobytes())

    assert develop(source, out).metadata.caption == words


NAMESPACES = " ".join(
    f'xmlns:{prefix}="{url}"'
    for prefix, url in {
        "dc": "http://purl.org/dc/elements/1.1/",
        "exif": "http://ns.adobe.com/exif/1.0/",
        "aux": "http://ns.adobe.com/exif/1.0/aux/",
        "exifEX": "http://cipa.jp/exif/1.0/",
        "lr": "http://ns.adobe.com/lightroom/1.0/",
        "photoshop": "http://ns.adobe.com/photoshop/1.0/",
        "tiff": "http://ns.adobe.com/tiff/1.0/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "xmpNote": "http://ns.adobe.com/xmp/note/",
    }.items()
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {NAMESPACES} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def words(tag: str, *items: str) -> str:
    return f"<{tag}><rdf:Bag>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:Bag></{tag}>"


EVERYTHING = packet(
    'xmp:Rating="5" tiff:Make="Canon" tiff:Model="Canon EOS R5" aux:Lens="RF24-70mm F2.8" exif:FNumber="28/10"'
    ' exif:ExposureTime="1/250" exif:FocalLength="35/1" exif:GPSLatitude="46,56.88N" exif:GPSLongitude="7,26,51W"'
    ' exif:DateTimeOriginal="2024-01-31T14:22:33.5+01:00"',
    words("dc:title", "A title")
    + words("dc:description", "Zürich, 東京")
    + words("dc:subject", "one", "two")
    + words("dc:creator", "Ansel")
    + words("dc:rights", "(c) Ansel")
    + words("exif:ISOSpeedRatings", "400"),
)


def test_a_sidecar_tells_all_that_a_picture_can() -> None:
    assert sidecar(EVERYTHING) == Metadata(
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


def test_a_sidecar_in_wide_letters() -> None:
    assert sidecar(EVERYTHING.decode().encode("utf-16")) == sidecar(EVERYTHING)


LAUGH = EVERYTHING.replace(b"<rdf:RDF", b'<!ENTITY a "b"><rdf:RDF')
NO_SIDECARS = {"empty": b"", "text": b"no xml", "wide": b"\xff\xfe\0", "cut": EVERYTHING[:-9], "long": bytes(5_000_000)}


@pytest.mark.parametrize("content", [*NO_SIDECARS.values(), LAUGH], ids=[*NO_SIDECARS, "with entities"])
def test_what_is_no_sidecar_tells_nothing(content: bytes) -> None:
    assert sidecar(content) == Metadata()


def test_keywords_of_a_tree_are_its_leaves_where_there_are_no_others() -> None:
    tree = words("lr:hierarchicalSubject", "Places|Europe|Zürich", "People|Ansel")

    assert sidecar(packet("", tree)).keywords == ("Zürich", "Ansel")
    assert sidecar(packet("", tree + words("dc:subject", "plain"))).keywords == ("plain",)


@pytest.mark.parametrize(
    "attributes",
    [
        'exif:FNumber="1/0"',
        'exif:FNumber="-3/1"',
        'exif:FNumber="nan"',
        'exif:GPSLatitude="99,0N" exif:GPSLongitude="1,0E"',
    ],
)
def test_impossible_numbers_are_left_out(attributes: str) -> None:
    assert sidecar(packet(attributes)) == Metadata()


def extended(portions: list[bytes], guid: bytes, **options: Any) -> list[bytes]:
    whole = sum(map(len, portions))
    starts = [sum(map(len, portions[:n])) for n in range(len(portions))]
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid
    return [head + struct.pack(">II", whole, at) + part for at, part in zip(starts, portions, strict=True)]


def with_segments(path: Path, segments: list[bytes], xmp: bytes) -> Path:
    Image.new("RGB", (16, 16)).save(path, "JPEG", xmp=xmp)
    content = path.read_bytes()
    added = b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment for segment in segments)
    path.write_bytes(content[:2] + added + content[2:])
    return path


GUID = b"0123456789ABCDEF0123456789ABCDEF"
POINTER = packet(f'xmpNote:HasExtendedXMP="{GUID.decode()}" xmp:Rating="3"')


def test_reads_what_did_not_fit_into_the_first_segment(tmp_path: Path, out: Path) -> None:
    more = packet("", words("dc:subject", *(f"word {n}" for n in range(150))))
    portions = extended([more[:3000], more[3000:]], GUID)
    source = with_segments(tmp_path / "photo", portions[::-1], POINTER)

    metadata = develop(source, out).metadata

    assert (metadata.rating, len(metadata.keywords), metadata.keywords[-1]) == (3, 150, "word 149")


def test_an_extension_of_another_picture_is_none_of_this_one(tmp_path: Path, out: Path) -> None:
    portions = extended([packet("", words("dc:subject", "stranger"))], b"F" * 32)
    source = with_segments(tmp_path / "photo", portions, POINTER)

    metadata = develop(source, out).metadata

    assert (metadata.rating, metadata.keywords) == (3, ())
