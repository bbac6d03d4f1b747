"""Texts in any charset and from any source: extended XMP, sidecars, and cameras that write texts of their own."""

# ruff: noqa: RUF001 - the tests are about characters that look like others.
from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from PIL import Image

from processing.pipeline import characters
from processing.pipeline import errors as pipeline_errors
from processing.pipeline.formats.detect import detect
from processing.pipeline.metadata import boilerplate, read, read_sidecar, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Exposure, Gps, Metadata
from processing.pipeline.render.develop import develop

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
    ("长城 故宫", "gb2312"),
    ("서울의 가을 하늘", "euc_kr"),
    ("제주도 여행", "euc_kr"),
    ("Ηλιοβασίλεμα στη Σαντορίνη", "cp1253"),
    ("ЛЮДИ в парке, Юг", "cp1251"),
    ("Москва, Красная площадь", "cp1251"),
    ("Café", "mac_roman"),
    ("München", "mac_roman"),
    ("Köln", "mac_roman"),
    ("Große Straße", "mac_roman"),
    ("København", "mac_roman"),
    ("Señorita, España", "utf-8"),
    ("L’été à Genève “en été”", "mac_roman"),
    ("Hôtel — forêt", "mac_roman"),
    ("ÅRSTA, voilà", "mac_roman"),
    ("Étretat", "mac_roman"),
    ("El Niño", "mac_roman"),
    ("Ærø, 55° N", "mac_roman"),
    ("Übung", "mac_roman"),
    ("black–white", "cp1252"),
    ("Lošinj", "cp1252"),
    ("Škoda", "cp1252"),
    ("cœur", "cp1252"),
    ("Paris–Rouen, 5 €", "cp1252"),
    ("don’t", "cp1252"),
    ("Apple™ ¿Qué?", "cp1252"),
    ("ŒUVRE", "cp1252"),
]


@pytest.mark.parametrize(("expected", "charset"), CHARSETS)
def test_text_without_a_declared_charset_is_decoded(expected: str, charset: str) -> None:
    content = expected.encode(charset)

    assert text.clean(text.decode(content)) == expected
    assert text.clean(text.decode(content.decode("latin-1"))) == expected


@pytest.mark.parametrize("content", [bytes(range(1, 256)), b"\xff" * 50, b"\x81\x40\xff\xfe"])
def test_decoding_bytes_that_are_no_text_raises_no_error(content: bytes) -> None:
    assert isinstance(text.decode(content), str)


def test_a_field_that_is_cut_within_a_character_is_decoded() -> None:
    assert text.clean(text.decode("Zürich, 東京".encode()[:-1])) == "Zürich, 東"


MARKERS = {
    b"\x1b%G": ("Zürich", "utf-8"),
    b"\x1b%/I": ("Zürich", "utf-8"),
    b"\x1b.A": ("Zürich", "latin-1"),
    b"\x1b-B": ("Łódź", "iso8859-2"),
    b"\x1b-L": ("Москва", "iso8859-5"),
    b"\x1b-F": ("Αθήνα", "iso8859-7"),
    b"": ("Zürich", "mac_roman"),
    b"nonsense": ("Zürich", "cp1252"),
}


@pytest.mark.parametrize(("marker", "expected", "charset"), [(marker, *case) for marker, case in MARKERS.items()])
def test_the_charset_declared_in_iptc_is_used(marker: bytes, expected: str, charset: str) -> None:
    datasets: dict[tuple[int, int], bytes | list[bytes]] = {(1, 90): marker, (2, 5): expected.encode(charset)}

    assert read(Blocks(iptc=datasets)).title == expected


def test_a_wrong_charset_declared_in_iptc_is_ignored() -> None:
    datasets: dict[tuple[int, int], bytes | list[bytes]] = {(1, 90): [b"\x1b%G"], (2, 5): "Zürich".encode("cp1252")}

    assert read(Blocks(iptc=datasets)).title == "Zürich"


NEWER = "So tired \U0001fae9"
ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
KEPT = {
    "newer than Python": NEWER,
    "unassigned": "\U0001fb00 \u0c5b \U000323b0",
    "private": "Mac \uf8ff",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "flag of England": ENGLAND,
    "two flags": f"{ENGLAND} {ENGLAND}!",
    "heart": "\u2764\ufe0f",
    "keycap": "1\ufe0f\u20e3",
    "ideograph with a selector": "\u845b\U000e0100",
    "ideographs that NFC would exchange": "\ufa19\u793e \ufa1b",
    "Arabic number sign": "\u0600123",
}


@pytest.mark.parametrize("content", KEPT.values(), ids=KEPT)
def test_new_private_and_composed_characters_are_kept(content: str) -> None:
    elements = f"<dc:title><rdf:Alt><rdf:li>{content}</rdf:li></rdf:Alt></dc:title>" + tag("dc:subject", content, "x")

    metadata = read_sidecar(packet("", elements))

    assert (metadata.title, metadata.keywords) == (content, (content, "x"))


DROPPED = {
    "hidden text in tags": ("cat\U000e0068\U000e0069\U000e007f", "cat"),
    "a flag without its end": ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),
    "text after a flag's end": (f"{ENGLAND}\U000e0068", ENGLAND),
    "noncharacters": ("a\ufdd0\U0001fffeb", "ab"),
    "always invisible": ("a\U000e0fff\u2060\u2064b", "ab"),
    "joiners alone": ("\u200d\u200c", None),
    "a tab": ("a\tb", "a b"),
    "other lines": ("a\u2028b\x85c\vd", "a\nb\nc\nd"),
    "isolates": ("a\u2066b\u2069", "ab"),
}


@pytest.mark.parametrize(("content", "cleaned"), DROPPED.values(), ids=DROPPED)
def test_hidden_and_deceptive_characters_are_removed(content: str, cleaned: str | None) -> None:
    assert text.clean(content) == cleaned


@pytest.mark.parametrize(
    "character", ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0323\u0302\u0301", ENGLAND, "\u2764\ufe0f"]
)
def test_truncation_does_not_cut_within_a_character(character: str) -> None:
    assert {characters.truncate(f"ab{character}", 2 + length) for length in range(len(character))} == {"ab"}
    assert characters.truncate(f"ab{character}", 2 + len(character)) == f"ab{character}"
    assert len(characters.truncate("\u0301" * 50, 9)) == 9


CAMERA_TEXTS = [
    "OLYMPUS DIGITAL CAMERA         ",
    "olympus digital camera",
    "SONY DSC",
    "DIGITAL CAMERA",
    "Digital StillCamera",
    "HP PhotoSmart R707",
    "CASIO COMPUTER CO.,LTD.",
    "GoPro",
    "JPEG image",
    "Untitled",
    "-",
    "KONICA MINOLTA DIGITAL CAMERA",
    "KODAK Digital Still Camera",
    "ACME DIGITAL CAMERA",
    "<KENOX S1050  / Samsung S1050>",
    "<Digimax i5, Samsung #1>",
    "SAMSUNG CAMERA PICTURES",
    "Exif_JPEG_PICTURE",
    "DCIM\\100MEDIA\\DJI_0001.JPG",
    "E:/DCIM/100MEDIA/DJI_0001.JPG",
    "Screenshot",
    "oplus_1048608",
    "filter: 0; fileterIntensity: 0.0; filterMask: 0;",
    '{"mirror":false,"sensor_type":"rear"}',
    "Processed with VSCO with a6 preset",
    "default",
    "captureOrientation: 0; brp_mask:0;",
    "CREATOR: gd-jpeg v1.0 (using IJG JPEG v80), quality = 82",
    "DSCF0042.JPG",
]
PERSONAL_TEXTS = [
    "My own words",
    "My digital camera",
    "Grandpa and his digital camera",
    "Our Olympus digital camera after the fall",
    "Sony",
    "An apple",
    "Photosmart people",
    "An image",
    "Untitled, with Anna",
    "mon",
    "24.12.2014",
    "{curly}",
    "Screenshot of the year",
    "???",
    "IMG_0001 was the best of the day",
]


@pytest.mark.parametrize("description", CAMERA_TEXTS)
def test_text_that_cameras_write_into_every_picture_is_no_caption(description: str) -> None:
    utf_16 = description.encode("utf-16-le")
    elements = f"<dc:description><rdf:Alt><rdf:li>{escape(description)}</rdf:li></rdf:Alt></dc:description>"
    sources = [
        Blocks(main={0x010E: description}),
        Blocks(main={0x9C9B: utf_16, 0x9C9C: utf_16}),
        Blocks(camera={0x9286: b"ASCII\0\0\0" + description.encode()}),
        Blocks(iptc={(2, 120): description.encode(), (2, 5): description.encode()}),
        Blocks(xmp=(packet("", elements + elements.replace("description", "title")),)),
    ]

    assert [(metadata.title, metadata.caption) for metadata in map(read, sources)] == [(None, None)] * 5


@pytest.mark.parametrize("description", PERSONAL_TEXTS)
def test_text_written_by_a_person_is_a_caption(description: str) -> None:
    assert read(Blocks(main={0x010E: description})).caption == description


@pytest.mark.parametrize(
    ("make", "model", "description"),
    [
        ("SAMSUNG", "GT-I9505", "SAMSUNG"),
        ("Panasonic", "DMC-FZ18", "DMC-FZ18"),
        ("Panasonic", "DMC-FZ18", "Panasonic DMC-FZ18"),
        ("HUAWEI", "EVA-L09", "rbtoznor"),
        ("HUAWEI", "EVA-L09", "sdr_HDRB"),
        ("HONOR", "BKL", "mde_soft"),
        ("DJI", "FC6310", "0.9.138"),
        ("DJI", "FC220", "Type=N, Mode=P, DE=None"),
    ],
)
def test_text_typical_of_one_make_is_a_caption_only_with_other_makes(make: str, model: str, description: str) -> None:
    assert read(Blocks(main={0x010F: make, 0x0110: model, 0x010E: description})).caption is None
    assert read(Blocks(main={0x010F: "NIKON", 0x0110: "D90", 0x010E: description})).caption == description


def test_a_persons_comment_is_the_caption_if_the_description_is_the_cameras() -> None:
    main, camera = {0x010E: "OLYMPUS DIGITAL CAMERA"}, {0x9286: b"ASCII\0\0\0by hand"}

    assert read(Blocks(main=main, camera=camera)).caption == "by hand"


def test_matching_a_hostile_text_against_the_boilerplate_ends() -> None:
    assert not boilerplate.is_boilerplate("hdrpl" * 50 + "!", "HUAWEI")


COMMENTS = {
    "ASCII": (b"ASCII\0\0\0by hand", "by hand"),
    "UTF-8 that says it is ASCII": (b"ASCII\0\0\0" + "Zürich".encode(), "Zürich"),
    "UTF-16, little-endian": (b"UNICODE\0" + "Zürich".encode("utf-16-le"), "Zürich"),
    "UTF-16, big-endian": (b"UNICODE\0" + "Zürich".encode("utf-16-be"), "Zürich"),
    "UTF-16 with a byte order mark": (b"UNICODE\0" + "Zürich".encode("utf-16"), "Zürich"),
    "ASCII that says it is UTF-16": (b"UNICODE\0" + b"by hand, in ASCII", "by hand, in ASCII"),
    "Japanese whose bytes are ASCII": (b"UNICODE\0" + "あいうえおかきく".encode("utf-16-le"), "あいうえおかきく"),
    "no charset": (b"by hand", "by hand"),
    "JIS": (b"JIS\0\0\0\0\0" + "東京".encode("iso2022_jp"), "東京"),
}


@pytest.mark.parametrize(("raw", "expected"), COMMENTS.values(), ids=COMMENTS)
def test_a_user_comment_is_decoded_in_its_charset(tmp_path: Path, out: Path, raw: bytes, expected: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = raw
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "JPEG", exif=exif.tobytes())

    assert develop(source, out).metadata.caption == expected


def test_utf_16_in_a_field_of_bytes_is_decoded() -> None:
    description = "by hand".encode("utf-16-le").decode("latin-1")

    assert read(Blocks(main={0x010E: description})).caption == "by hand"
    assert read(Blocks(main={0x010E: description.removesuffix("\0")})).caption == "by hand"
    assert read(Blocks(iptc={(2, 120): "by hand".encode("utf-16")})).caption == "by hand"


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
        "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
        "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
        "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    }.items()
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {NAMESPACES} {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def tag(name: str, *items: str) -> str:
    return f"<{name}><rdf:Bag>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:Bag></{name}>"


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
