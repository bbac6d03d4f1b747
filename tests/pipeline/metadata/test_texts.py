"""Titles, captions and keywords are read from EXIF and XMP, without control characters and to a maximum length."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from processing.pipeline.metadata import text
from processing.pipeline.picture import Metadata
from processing.pipeline.render.develop import develop
from tests.pipeline.metadata.conftest import Read, xmp_element


def test_xmp_texts_are_read(read: Read) -> None:
    elements = """
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">A title</rdf:li></rdf:Alt></dc:title>
      <dc:description><rdf:Alt><rdf:li xml:lang="x-default">A caption</rdf:li></rdf:Alt></dc:description>
      <dc:subject><rdf:Bag><rdf:li>one</rdf:li><rdf:li>two</rdf:li><rdf:li>one</rdf:li></rdf:Bag></dc:subject>
      <dc:creator><rdf:Seq><rdf:li>Ansel</rdf:li></rdf:Seq></dc:creator>
      <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ansel</rdf:li></rdf:Alt></dc:rights>"""

    metadata = read({0x010E: "EXIF's caption"}, xmp=xmp_element('xmp:Rating="4"', elements))

    assert metadata == Metadata(
        title="A title",
        caption="A caption",
        keywords=("one", "two"),
        creator="Ansel",
        copyright="(c) Ansel",
        rating=4,
    )


def test_exif_texts_are_read(read: Read) -> None:
    utf_16 = "übung;zwei\0".encode("utf-16-le")
    metadata = read({0x010E: "A caption", 0x013B: "Ansel", 0x8298: "(c)", 0x4746: 5, 0x9C9E: utf_16, 0x9C9B: utf_16})

    assert metadata == Metadata(
        title="übung;zwei",
        caption="A caption",
        keywords=("übung", "zwei"),
        creator="Ansel",
        copyright="(c)",
        rating=5,
    )


def test_a_user_comment_is_the_caption_if_there_is_no_other(read: Read) -> None:
    assert read(camera={0x9286: b"ASCII\0\0\0by hand"}).caption == "by hand"
    assert read({0x010E: "said"}, {0x9286: b"ASCII\0\0\0by hand"}).caption == "said"


def test_utf_8_that_was_decoded_as_latin_1_is_corrected(read: Read) -> None:
    assert read({0x010E: "Zürich, 東京".encode()}).caption == "Zürich, 東京"


def test_latin_1_text_is_unchanged() -> None:
    assert text.clean("Zürich") == "Zürich"


HOSTILE = {
    "a\x00b": "a",
    "a\x1b[31mred\x07": "a[31mred",
    "photo\u202egpj.exe": "photogpj.exe",
    "a\ud800b": "ab",
    "a\ufeff\u200bb": "ab",
    "line\r\nline\rline": "line\nline\nline",
    " \t\n ": None,
    "": None,
}


@pytest.mark.parametrize(("content", "cleaned"), HOSTILE.items(), ids=ascii)
def test_control_and_invisible_characters_are_removed(content: str, cleaned: str | None) -> None:
    assert text.clean(content) == cleaned


def test_texts_have_a_maximum_length(read: Read) -> None:
    metadata = read({0x010E: "x" * 60_000, 0x010F: "m" * 1000})

    assert (len(metadata.caption or ""), len(metadata.camera or "")) == (text.MAX_TEXT, text.MAX_LINE)


def test_a_picture_has_at_most_200_keywords(read: Read) -> None:
    items = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(999))

    metadata = read(xmp=xmp_element("", f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>"))

    assert len(metadata.keywords) == 200


def test_xmp_entities_are_not_expanded(tmp_path: Path, out: Path) -> None:
    entities = "".join(f'<!ENTITY l{n} "&l{n - 1};&l{n - 1};&l{n - 1};&l{n - 1};">' for n in range(1, 30))
    packet = f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]>' + xmp_element('xmp:Rating="&l29;"').decode()
    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    source = tmp_path / "photo"
    Image.new("RGB", (16, 16)).save(source, "PNG", pnginfo=chunks)

    assert develop(source, out).metadata == Metadata()
