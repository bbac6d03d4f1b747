"""Files that Darkroom does not develop are detected by their content and rejected with a message."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from processing.pipeline import ImageRejected
from processing.pipeline.formats.detect import Kind, detect
from processing.pipeline.render.develop import develop

UNSUPPORTED = {
    "empty": (b"", "empty-file"),
    "text": (b"just some words", "not-an-image"),
    "zeros": (bytes(4096), "not-an-image"),
    "mp4": (b"\0\0\0\x18ftypisom\0\0\2\0isomavc1", "unsupported-video"),
    "mov": (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "unsupported-video"),
    "webm": (b"\x1a\x45\xdf\xa3\x01\0\0\0", "unsupported-video"),
    "avi": (b"RIFF\0\0\1\0AVI LIST", "unsupported-video"),
    "wav": (b"RIFF\0\0\1\0WAVEfmt ", "unsupported-audio"),
    "pdf": (b"%PDF-1.7\n", "unsupported-document"),
    "html": (b"<!DOCTYPE html><html>", "unsupported-document"),
    "html after a comment": (b"<!-- licence -->\n<html>", "unsupported-document"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "unsupported-vector"),
    "zip": (b"PK\3\4\x14\0\0\0", "unsupported-archive"),
    "elf": (b"\x7fELF\2\1\1\0", "unsupported-program"),
    "exe": (b"MZ\x90\0\3\0\0\0", "unsupported-program"),
    "script": (b"#!/bin/sh\n", "unsupported-program"),
    "psd": (b"8BPS\0\1\0\0", "unsupported-image"),
    "icon": (b"\0\0\1\0\1\0\x10\x10", "unsupported-image"),
    "icons of a Mac": (b"icns\0\0\1\0ic07", "unsupported-image"),
    "dicom": (bytes(128) + b"DICM\2\0\0\0", "unsupported-image"),
    "fits": (b"SIMPLE  =                    T", "unsupported-image"),
    "dds": (b"DDS |\0\0\0\7\x10\0\0", "unsupported-image"),
    "qoi": (b"qoif\0\0\0\x10\0\0\0\x10\3\0", "unsupported-image"),
    "sgi": (b"\x01\xda\1\1\0\3\0\x10\0\x10\0\3", "unsupported-image"),
    "pcx": (b"\x0a\5\1\x08\0\0\0\0\x0f\0\x0f\0", "unsupported-image"),
    "dpx": (b"SDPX\0\0\x20\0V2.0\0", "unsupported-image"),
    "targa": (b"\0\0\2" + bytes(9) + b"\x80\2\xe0\1\x18\0" + b"\x10\x20\x30" * 20, "unsupported-image"),
    "targa with a palette": (
        b"\0\1\1\0\0\0\1\x18" + bytes(4) + b"\x80\2\xe0\1\x08\x20" + b"abc" * 256,
        "unsupported-image",
    ),
    "avchd": ((b"\0\0\0\0G" + b"\x40\0\x10" + bytes(184)) * 4, "unsupported-video"),
    "transport stream": ((b"G\x40\0\x10" + bytes(184)) * 4, "unsupported-video"),
    "voice note": (b"#!AMR\n\x3c\x91\x17\x16", "unsupported-audio"),
    "m4a": (b"\0\0\0\x1cftypM4A \0\0\2\0M4A mp42isom", "unsupported-audio"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported-image"),
}


@pytest.mark.parametrize(("content", "code"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_a_file_that_is_no_photo_is_rejected_with_its_kind(
    tmp_path: Path, out: Path, content: bytes, code: str
) -> None:
    source = tmp_path / "holiday.jpg"
    source.write_bytes(content)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code, caught.value.permanent) == (code, True)
    assert caught.value.message.endswith(".")
    assert not out.exists()


SIGNATURES = {
    "JXL": b"\xff\x0a\xfa\x7f",
    "CR2": b"II*\0\x10\0\0\0CR\x02\0",
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "RAF": b"FUJIFILMCCD-RAW 0201",
    "ORF": b"IIRO\x08\0\0\0",
    "RW2": b"IIU\0\x18\0\0\0",
}


@pytest.mark.parametrize(("name", "signature"), SIGNATURES.items(), ids=SIGNATURES)
def test_the_kind_is_detected_by_the_first_bytes(name: str, signature: bytes) -> None:
    assert detect(BytesIO(signature)) == Kind(name, is_raw=name != "JXL")


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_a_file_that_ends_after_its_signature_is_rejected(tmp_path: Path, out: Path, signature: bytes) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(signature)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken", "unsupported-raw"}, caught.value.permanent) == (True, True)


RAWS = {
    "DNG": {50706: (1, b"\1\4\0\0")},
    "NEF": {271: (2, b"NIKON CORPORATION\0"), 262: (3, 32803)},
    "ARW": {259: (3, 32767)},
    "PEF": {259: (3, 65535)},
    "RAW": {271: (2, b"Unheard of\0"), 262: (3, 34892)},
}


@pytest.mark.parametrize(("kind", "tags"), RAWS.items(), ids=RAWS)
@pytest.mark.parametrize("order", "<>")
def test_a_raw_that_looks_like_a_tiff_is_detected(kind: str, tags: dict[int, tuple[int, object]], order: str) -> None:
    assert detect(BytesIO(_tiff([tags], order))) == Kind(kind, is_raw=True)


@pytest.mark.parametrize("order", "<>")
def test_a_raw_that_begins_with_a_thumbnail_is_detected(order: str) -> None:
    thumbnail: dict[int, tuple[int, object]] = {254: (4, 1), 271: (2, b"EASTMAN KODAK\0"), 330: (4, 0)}
    sensor: dict[int, tuple[int, object]] = {262: (3, 32803)}

    assert detect(BytesIO(_tiff([thumbnail, sensor], order))) == Kind("KDC", is_raw=True)


@pytest.mark.parametrize("content", [b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_a_broken_tiff_is_detected_as_tiff(content: bytes) -> None:
    assert detect(BytesIO(content)) == Kind("TIFF")


def test_reading_a_circular_chain_of_directories_ends() -> None:
    circle = b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)

    assert detect(BytesIO(circle)) == Kind("TIFF")


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_the_kind_is_detected_by_the_content_and_not_by_the_name(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "page.html"
    Image.new("RGB", (64, 64)).save(source, name)

    assert develop(source, out).format == name


@pytest.mark.parametrize("payload", [b"<?php system($_GET['c']); ?>", b"<script>alert(1)</script>"])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP"])
def test_renditions_do_not_contain_bytes_that_follow_the_picture(
    tmp_path: Path, out: Path, name: str, payload: bytes
) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (900, 64), (9, 99, 199)).save(source, name)
    source.write_bytes(source.read_bytes() + payload * 1000)

    develop(source, out)

    assert [path.name for path in out.iterdir() if payload in path.read_bytes()] == []


def _tiff(directories: list[dict[int, tuple[int, object]]], order: str) -> bytes:
    """Returns a TIFF that consists of directories; tag 330 of each one points to the next."""
    content = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    for tags in directories:
        entries, values_at = b"", len(content) + 2 + 12 * len(tags) + 4
        values = b""
        for tag, (kind, value) in sorted(tags.items()):
            raw = value if isinstance(value, bytes) else struct.pack(order + {3: "H", 4: "I"}[kind], value)
            count = len(value) if isinstance(value, bytes) else 1
            if len(raw) > 4:
                raw, values = struct.pack(order + "I", values_at + len(values)), values + raw
            entries += struct.pack(order + "HHI", tag, kind, count) + raw.ljust(4, b"\0")
        end = values_at + len(values)
        entries = entries.replace(
            struct.pack(order + "HHI", 330, 4, 1) + bytes(4), struct.pack(order + "HHII", 330, 4, 1, end)
        )
        content += struct.pack(order + "H", len(tags)) + entries + bytes(4) + values
    return content
