"""Decompression bombs of a few hundred bytes are rejected by their headers, before any pixel is decoded."""

from __future__ import annotations

import resource
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pillow_jxl  # noqa: F401 - teaches Pillow to write it
import pytest
from PIL import Image

from processing.pipeline import DEFAULT, ImageRejected, Limits, memory_limits
from processing.pipeline.render.develop import develop
from processing.rendering.sandbox import Sandbox

MEGA = 1_000_000


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes((1 + 3 * width) * height if height < 9 else 99)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


BOMBS = {
    "png": png(30_000, 30_000),
    "gif": b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b",\0\0\0\0`\xea`\xea\0\2\1\0\0;",
    "webp": b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + bytes(4),
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff": b"II*\0\x08\0\0\0"
    + struct.pack("<H", 6)
    + b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in ((256, 30_000), (257, 30_000), (258, 8), (262, 1), (273, 99), (279, 9))
    )
    + bytes(99),
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_picture_of_hundreds_of_megapixels_is_rejected(tmp_path: Path, out: Path, content: bytes) -> None:
    source = tmp_path / "photo"
    source.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.code == "too-many-pixels"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_message_has_the_size_and_the_limit(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    source.write_bytes(BOMBS["png"])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.message == (
        "This picture has 900 megapixels (30000 x 30000); the maximum for this kind of file is 250. "
        "Export it as JPEG, which may be larger, or with fewer pixels, and upload that."
    )


def test_a_picture_with_a_side_that_is_too_long_is_rejected(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    source.write_bytes(png(70_000, 1))

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.code == "too-wide"


def test_a_panorama_of_300_megapixels_takes_little_memory(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("L", (30_000, 10_000), 99).save(source, "JPEG")

    with Sandbox(memory_bytes=128 * 1024 * 1024) as sandbox:
        picture = sandbox.develop(source, out)

    assert (picture.width, picture.height, picture.notes) == (30_000, 10_000, ())
    assert (picture.renditions[0].width, picture.renditions[0].height) == (2560, 853)


THIN_SIZES = [(1, 1), (1, 20_000), (20_000, 1), (3, 65_000), (17_000, 40)]


@pytest.mark.parametrize("size", THIN_SIZES, ids=str)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "JXL"])
def test_thin_and_long_pictures_are_shown(tmp_path: Path, out: Path, name: str, size: tuple[int, int]) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", size, (10, 120, 200)).save(source, name)

    picture = develop(source, out)

    assert (picture.width, picture.height) == size
    with Image.open(picture.renditions[0].path) as rendition:
        assert max(rendition.size) <= 2560
        assert rendition.getpixel((0, 0)) == pytest.approx((10, 120, 200), abs=12)


def test_a_jpeg_may_have_more_pixels_than_other_formats(tmp_path: Path, out: Path) -> None:
    recipe = replace(DEFAULT, limits=Limits(jpeg_pixels=3 * MEGA, other_pixels=1 * MEGA))
    jpeg, png = tmp_path / "jpeg", tmp_path / "png"
    Image.new("RGB", (2000, 1000)).save(jpeg, "JPEG")
    Image.new("RGB", (2000, 1000)).save(png, "PNG")

    assert develop(jpeg, out, recipe).width == 2000
    with pytest.raises(ImageRejected) as caught:
        develop(png, out, recipe)
    assert caught.value.code == "too-many-pixels"


def test_a_progressive_jpeg_that_needs_too_much_memory_is_rejected(tmp_path: Path, out: Path) -> None:
    recipe = replace(DEFAULT, limits=Limits(memory_bytes=150 * MEGA))
    plain, progressive = tmp_path / "plain", tmp_path / "progressive"
    image = Image.new("RGB", (6000, 5400))
    image.save(plain, "JPEG")
    image.save(progressive, "JPEG", progressive=True)

    assert develop(plain, out, recipe).width == 6000
    with pytest.raises(ImageRejected) as caught:
        develop(progressive, out, recipe)
    assert (caught.value.code, caught.value.permanent) == ("too-heavy", True)


# Sizes just below and above a halving by the JPEG decoder; resized or not; held whole by the decoder or not; with alpha.
MEASURED = [
    ("JPEG", "RGB", (2560, 2560), {}),
    ("JPEG", "RGB", (3000, 2000), {}),
    ("JPEG", "RGB", (5119, 3413), {}),
    ("JPEG", "RGB", (5120, 3413), {}),
    ("JPEG", "RGB", (10240, 6827), {}),
    ("JPEG", "RGB", (4000, 3000), {"progressive": True}),
    ("PNG", "RGB", (2560, 1707), {"compress_level": 1}),
    ("PNG", "RGBA", (4000, 3000), {"compress_level": 1}),
    ("WEBP", "RGB", (2560, 1920), {"method": 0}),
]


@pytest.mark.parametrize(("format_name", "mode", "size", "options"), MEASURED, ids=str)
def test_no_picture_takes_more_memory_than_estimated(
    tmp_path: Path, format_name: str, mode: str, size: tuple[int, int], options: dict[str, int]
) -> None:
    source = tmp_path / "photo"
    _scene(mode, size).save(source, format_name, **options)
    with Image.open(source) as image:
        estimate = memory_limits.peak_memory(image, DEFAULT.limits.largest_edge)

    assert 0.6 * estimate < _peak_memory(source, tmp_path) < estimate


def test_a_jpeg_of_48_megapixels_takes_less_than_130_megabytes(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _scene("RGB", (8064, 6048)).save(tmp_path / "photo", "JPEG", quality=92, exif=exif.tobytes())

    assert _peak_memory(tmp_path / "photo", tmp_path) < 130 * MEGA


def test_larger_renditions_have_a_larger_memory_estimate(tmp_path: Path) -> None:
    Image.new("RGB", (8000, 6000)).save(tmp_path / "photo", "JPEG")

    with Image.open(tmp_path / "photo") as image:
        estimates = [memory_limits.peak_memory(image, edge) // MEGA for edge in (1000, 2560, 4000, 4001)]

    assert estimates == sorted(set(estimates))


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_highly_compressed_text_takes_little_memory(tmp_path: Path, out: Path, kind: bytes) -> None:
    compressed = zlib.compress(bytes(100 * MEGA))
    text = chunk(kind, b"Comment\0" + (b"\0" if kind == b"zTXt" else b"\1\0\0\0") + compressed)
    source = tmp_path / "photo"
    source.write_bytes(png(8, 8, text))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert develop(source, out).width == 8

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_much_compressed_text_in_many_chunks_is_a_bomb(tmp_path: Path, out: Path) -> None:
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000)))
    source = tmp_path / "photo"
    source.write_bytes(png(8, 8, text * 80))

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.code == "bomb"


def test_a_large_file_that_its_decoder_reads_whole_is_rejected(tmp_path: Path, out: Path) -> None:
    recipe = replace(DEFAULT, limits=Limits(max_buffered_bytes=1000))
    source = tmp_path / "photo"
    Image.effect_noise((200, 200), 99).save(source, "WEBP")

    with pytest.raises(ImageRejected) as caught:
        develop(source, out, recipe)

    assert caught.value.code == "too-heavy"


def _scene(mode: str, size: tuple[int, int]) -> Image.Image:
    noise = Image.effect_noise((200, 150), 90).resize(size, Image.Resampling.BICUBIC)
    alpha = Image.linear_gradient("L").resize(size)
    return Image.merge(mode, [noise, noise, noise, alpha][: len(mode)])


def _peak_memory(source: Path, out: Path) -> int:
    """Returns the peak memory in bytes of the child process that develops the file."""
    with Sandbox() as sandbox:
        sandbox.develop(source, out / "renditions")
        status = Path(f"/proc/{sandbox.pid}/status").read_text(encoding="ascii")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
