"""Texts are decoded from any charset, and their hidden characters removed."""

# ruff: noqa: RUF001 - the tests are about characters that look like others.
from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import characters
from processing.pipeline.metadata import read, read_sidecar, text
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.render.develop import develop
from tests.pipeline.metadata.xmp_packets import packet, tag

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
