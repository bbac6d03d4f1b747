"""Intact files of rare kinds are shown if a decoder supports them; otherwise the message names the kind, not damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.formats import heif_plugin
from processing.pipeline.render.develop import develop
from tests.pipeline import tiffs
from tests.pipeline.test_formats import quarters
from tests.pipeline.tiffs import Page

heif_plugin.register()

COMPRESSION, PHOTOMETRIC, BITS = 259, 262, 258


def develop_bytes(tmp_path: Path, out: Path, content: bytes) -> Picture:
    source = tmp_path / "photo"
    source.write_bytes(content)
    return develop(source, out)


def rejected(tmp_path: Path, out: Path, content: bytes) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        develop_bytes(tmp_path, out, content)
    return caught.value


def encoded(name: str, image: Image.Image | None = None) -> bytes:
    buffer = BytesIO()
    (image or quarters()).save(buffer, name, quality=90)
    return buffer.getvalue()


def lossless_jpeg(size: tuple[int, int], value: Callable[[int, int], int], bits: int = 8) -> bytes:
    """ITU-T T.81, process 14: grey, each sample predicted by the one to its left. Codes of four bits for all differences."""
    width, height = size
    lengths = bytes(range(min(bits + 1, 15)))
    bits_of_scan = ""
    for y in range(height):
        for x in range(width):
            predicted = value(x - 1, y) if x else value(x, y - 1) if y else 1 << (bits - 1)
            difference = value(x, y) - predicted
            length = abs(difference).bit_length()
            bits_of_scan += f"{length:04b}" + (
                f"{difference if difference > 0 else difference + (1 << length) - 1:0{length}b}" if length else ""
            )
    bits_of_scan += "1" * (-len(bits_of_scan) % 8)
    scan = int(bits_of_scan, 2).to_bytes(len(bits_of_scan) // 8).replace(b"\xff", b"\xff\0")
    table = b"\xff\xc4" + struct.pack(">HB", 19 + len(lengths), 0) + bytes((0, 0, 0, len(lengths), *[0] * 12)) + lengths
    frame = b"\xff\xc3" + struct.pack(">HBHHB3B", 11, bits, height, width, 1, 1, 0x11, 0)
    return b"\xff\xd8" + frame + table + b"\xff\xda\0\x08\1\1\0\1\0\0" + scan + b"\xff\xd9"


def test_a_lossless_jpeg_of_eight_bits_is_shown(tmp_path: Path, out: Path) -> None:
    content = lossless_jpeg((900, 60), lambda x, y: x * 255 // 900 if y < 40 else 255)

    picture = develop_bytes(tmp_path, out, content)

    assert (picture.format, picture.width, picture.height) == ("JPEG", 900, 60)
    with Image.open(picture.renditions[-1].path) as image:
        grey = np.asarray(image.convert("L"), np.int16)
    assert abs(int(grey[5, grey.shape[1] // 2]) - 127) <= 6


def with_frame_header(frame: int, bits: int = 8, components: int = 3) -> bytes:
    """Returns a JPEG with its frame header changed to another kind."""
    content = bytearray(encoded("JPEG"))
    at = content.index(b"\xff\xc0")
    content[at + 1], content[at + 4], content[at + 9] = frame, bits, components
    return bytes(content)


def without_height() -> bytes:
    """Returns a JPEG with the height in a DNL segment behind its scan (ITU-T T.81, B.2.5)."""
    content = bytearray(encoded("JPEG"))
    at = content.index(b"\xff\xc0") + 5
    height = bytes(content[at : at + 2])
    content[at : at + 2] = b"\0\0"
    return bytes(content[:-2] + b"\xff\xdc\0\4" + height + content[-2:])


UNSUPPORTED_JPEGS = {
    "a JPEG of 12 bits a sample": with_frame_header(0xC1, 12),
    "a lossless JPEG of 16 bits a sample": lossless_jpeg((8, 8), lambda x, y: 256 * x, 16),
    "a hierarchical JPEG": with_frame_header(0xC5),
    "a JPEG-LS picture": with_frame_header(0xF7),
    "a JPEG with its height at its end (DNL)": without_height(),
    "a JPEG of 2 colour components": with_frame_header(0xC0, components=2),
}


@pytest.mark.parametrize(("kind", "content"), UNSUPPORTED_JPEGS.items(), ids=UNSUPPORTED_JPEGS)
def test_the_message_names_a_kind_of_jpeg_that_is_not_supported(
    tmp_path: Path, out: Path, kind: str, content: bytes
) -> None:
    rejection = rejected(tmp_path, out, content)

    assert (rejection.code, rejection.permanent) == ("unsupported-jpeg", True)
    assert f"This is {kind}." in rejection.message
    assert "not damaged" in rejection.message
    assert "save it as" in rejection.message


COLOURS = [(220, 30, 30), (30, 180, 30), (30, 30, 220), (200, 200, 200)]


def colours_in_lab() -> list[tuple[float, float, float]]:
    """Returns the colours as L*a*b* relative to D50, converted by lcms."""
    patches = Image.new("RGB", (len(COLOURS), 1))
    patches.putdata(COLOURS)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB", 5000)
    converted = ImageCms.profileToProfile(patches, *profiles, outputMode="LAB")
    assert converted is not None
    signed = np.frombuffer(converted.tobytes(), np.uint8).reshape(-1, 3).astype(int)
    return [(lightness / 2.55, a - 256 * (a > 127), b - 256 * (b > 127)) for lightness, a, b in signed]


def lab(bits: int, *, icc: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """Four patches side by side, 30 pixels each."""
    step, half, maximum = 2 ** (bits - 8), 2 ** (bits - 1), 2**bits - 1
    white = 0xFF00 if icc and bits == 16 else maximum
    patches = []
    for lightness, a, b in colours_in_lab():
        signed = [round(value * step) for value in (a, b)]
        patches.append([round(lightness / 100 * white), *(v + half if icc else v % (2 * half) for v in signed)])
    return np.repeat(np.array([patches] * 20, np.uint16), 30, axis=1)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("icc", [False, True], ids=["CIE", "ICC"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_in_lab_is_shown_in_its_colours(tmp_path: Path, out: Path, bits: int, icc: bool, order: str) -> None:
    samples = lab(bits, icc=icc).astype(f"{order}u{bits // 8}")
    tags = {PHOTOMETRIC: 9 if icc else 8, BITS: (bits,) * 3}

    picture = develop_bytes(tmp_path, out, tiffs.of_samples(samples.tobytes(), (120, 20), 3, tags, order=order))

    assert (picture.format, picture.width, picture.height) == ("TIFF", 120, 20)
    with Image.open(picture.renditions[0].path) as image:
        pixels = [image.convert("RGB").getpixel((15 + 30 * n, 10)) for n in range(4)]
    assert np.abs(np.array(pixels) - np.array(COLOURS)).max() <= 6, pixels


UNSUPPORTED_TIFFS = {
    "RGB of 8+8+8 bits, packed as JPEG 2000": {COMPRESSION: 34712},
    "RGB of 8+8+8 bits, packed as WebP": {COMPRESSION: 50001},
    "RGB of 8+8+8 bits, packed as JPEG XL": {COMPRESSION: 50002},
    "RGB of 8+8+8 bits, packed as number 60000": {COMPRESSION: 60000},
    "ITU L*a*b* of 8+8+8 bits": {PHOTOMETRIC: 10},
    "colours of an unknown kind of 8+8+8 bits": {PHOTOMETRIC: 999},
    "RGB of 4+4+4 bits": {BITS: (4, 4, 4)},
}


@pytest.mark.parametrize(("kind", "tags"), UNSUPPORTED_TIFFS.items(), ids=UNSUPPORTED_TIFFS)
def test_the_message_names_a_kind_of_tiff_that_is_not_supported(
    tmp_path: Path, out: Path, kind: str, tags: dict[int, int | bytes | tuple[int, ...]]
) -> None:
    rejection = rejected(tmp_path, out, tiffs.written(Page(quarters(), tags)))

    assert (rejection.code, rejection.permanent) == ("unsupported-depth", True)
    assert kind in rejection.message
    assert "nothing is damaged" in rejection.message


def test_a_truncated_tiff_of_an_unsupported_kind_is_reported_as_damaged(tmp_path: Path, out: Path) -> None:
    content = tiffs.of_samples(bytes(300), (100, 1), 3, {COMPRESSION: 34712}, lost=100)

    assert rejected(tmp_path, out, content).code in {"broken", "truncated"}


@pytest.mark.parametrize(
    ("codec", "phrase"),
    [
        (b"avc1", "coded as H.264"),
        (b"vvc1", "coded as H.266"),
        (b"j2k1", "coded as JPEG 2000"),
        (b"xyzw", "coded as “xyzw”"),
    ],
)
def test_the_message_names_the_unsupported_codec_of_a_heic(
    tmp_path: Path, out: Path, codec: bytes, phrase: str
) -> None:
    rejection = rejected(tmp_path, out, encoded("HEIF").replace(b"hvc1", codec))

    assert (rejection.code, rejection.permanent) == ("unsupported-image", True)
    assert phrase in rejection.message


def with_declared_size(name: str, width: int, height: int) -> bytes:
    """Returns a file with another size in its header."""
    content = bytearray(encoded(name))
    at = content.index(b"ispe") + 8
    content[at : at + 8] = struct.pack(">II", width, height)
    return bytes(content)


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_the_message_for_a_picture_that_is_too_large_has_its_size(tmp_path: Path, out: Path, name: str) -> None:
    rejection = rejected(tmp_path, out, with_declared_size(name, 17_000, 17_000))

    assert rejection.code == "too-many-pixels"
    assert "289 megapixels (17000 x 17000)" in rejection.message
    assert "Export it as JPEG" in rejection.message


def test_a_bmp_that_contains_a_jpeg_is_reported_as_unsupported(tmp_path: Path, out: Path) -> None:
    content = bytearray(encoded("BMP"))
    content[30] = 4  # a JPEG within

    assert rejected(tmp_path, out, bytes(content)).code == "unsupported-image"
