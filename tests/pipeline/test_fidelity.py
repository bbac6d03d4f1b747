"""Colours with every kind of profile, bit depth and container differ from those of lcms by less than is visible."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from processing.pipeline import DEFAULT, ImageRejected
from processing.pipeline.colour import cicp
from processing.pipeline.render.develop import develop
from tests.pipeline import charts
from tests.pipeline.charts import by_lcms, chart, farthest, patches

MAX_DIFFERENCE = 1.5

# G. Sharma, W. Wu and E. Dalal, "The CIEDE2000 color-difference formula", table 1.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("colour1", "colour2", "difference"), PAIRS)
def test_the_colour_difference_is_that_of_the_published_pairs(
    colour1: tuple[float, ...], colour2: tuple[float, ...], difference: float
) -> None:
    assert charts.difference(colour1, colour2) == pytest.approx(difference, abs=0.0001)


def saved(name: str, **options: Any) -> Callable[[Path, Any, bytes], object]:
    def save(path: Path, samples: Any, profile: bytes) -> None:
        Image.fromarray(samples).save(path, name, icc_profile=profile, **options)

    return save


def in_16_bits(write: Callable[..., object]) -> Callable[[Path, Any, bytes], object]:
    return lambda path, samples, profile: write(path, samples.astype(np.uint16) * 257, profile)


def large_exif() -> bytes:
    """Returns metadata so large that the quality of no rendition is lowered to keep it smaller than its original."""
    tags = Image.Exif()
    tags[0x010E] = "x" * 60_000
    return tags.tobytes()


WRITERS = {
    "JPEG": saved("JPEG", quality=98, subsampling=0),
    "PNG": saved("PNG"),
    "WebP": saved("WEBP", lossless=True, exif=large_exif()),
    "TIFF": saved("TIFF"),
    "AVIF": saved("AVIF", quality=98, subsampling="4:4:4", exif=large_exif()),
    "HEIC": saved("HEIF", quality=98, chroma=444),
    "PNG of 16 bits": in_16_bits(charts.png16),
    "TIFF of 16 bits": in_16_bits(charts.tiff),
    "TIFF of 16 bits, big-endian": in_16_bits(partial(charts.tiff, order=">")),
    "TIFF of 16 bits, planar": in_16_bits(partial(charts.tiff, planar=True)),
    "TIFF of 16 bits, compressed": in_16_bits(partial(charts.tiff, packed=zlib.compress, tags={259: 8})),
}
PROFILES = {
    "Display P3": cicp.profile(12, 13),
    "Adobe RGB": cicp.adobe_rgb(),
    "ProPhoto": charts.PRO_PHOTO,
    "linear": charts.LINEAR,
    "swapped channels": charts.SWAPPED,
    "a table": charts.RGB_TABLE,
    "a table, version 4": charts.RGB_TABLE_4,
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_colours_are_converted_by_the_profile(
    tmp_path: Path, out: Path, write: Callable[[Path, Any, bytes], object], profile: bytes
) -> None:
    source = tmp_path / "photo"
    write(source, chart(), profile)
    lossy = ("JPEG", "AVIF", "HEIF")
    with Image.open(source) as image:
        expected = patches(by_lcms(image if image.format in lossy else Image.fromarray(chart()), profile))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE


def ink(name: str, **options: Any) -> Callable[[Path, Any, bytes], object]:
    def save(path: Path, samples: Any, profile: bytes) -> None:
        Image.fromarray(samples, "CMYK").save(path, name, icc_profile=profile, **options)

    return save


CMYK_WRITERS = {
    "JPEG": ink("JPEG", quality=98, subsampling=0),
    "TIFF": ink("TIFF"),
    "TIFF of 16 bits": in_16_bits(partial(charts.tiff, ink=True)),
}


@pytest.mark.parametrize("write", CMYK_WRITERS.values(), ids=CMYK_WRITERS)
def test_cmyk_colours_are_converted_by_the_profile(tmp_path: Path, out: Path, write: Callable[..., object]) -> None:
    source = tmp_path / "photo"
    write(source, chart(4), charts.INKS)
    with Image.open(source) as image:
        expected = patches(by_lcms(image, charts.INKS))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
@pytest.mark.parametrize("depth", [8, 16])
def test_greys_are_converted_by_the_profile(tmp_path: Path, out: Path, depth: int, gamma: float) -> None:
    source = tmp_path / "photo"
    grey, profile = chart(1), charts.grey_profile(gamma)
    if depth == 16:
        charts.png16(source, grey.astype(np.uint16) * 257, profile)
    else:
        Image.fromarray(grey[..., 0]).save(source, "PNG", icc_profile=profile)
    expected = patches(by_lcms(Image.fromarray(grey[..., 0]), profile))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE


@pytest.mark.parametrize(
    "write",
    [
        charts.png16,
        charts.tiff,
        partial(charts.tiff, packed=zlib.compress, tags={259: 8}),
    ],
    ids=["PNG", "TIFF", "compressed TIFF"],
)
def test_dark_shades_in_16_bits_of_a_linear_space_show_no_banding(
    tmp_path: Path, out: Path, write: Callable[..., object]
) -> None:
    shades = np.linspace(0, 65535 * 0.02, 400).astype(np.uint16)
    samples = np.broadcast_to(shades[None, :, None], (100, 400, 3))
    source = tmp_path / "photo"
    write(source, np.ascontiguousarray(samples), charts.LINEAR)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        values = np.asarray(rendition.convert("L"))[50]
    # The darkest fiftieth of linear values has 6 steps in eight bits; in sRGB it has 39.
    assert len(set(values.tolist())) > 30


@pytest.mark.parametrize("write", [charts.png16, charts.tiff], ids=["PNG", "TIFF"])
def test_pictures_of_16_bits_keep_their_transparency(tmp_path: Path, out: Path, write: Callable[..., object]) -> None:
    samples = np.full((300, 900, 4), 65535, np.uint16)
    samples[:, :450] = (65535, 0, 0, 0x8080)
    source = tmp_path / "photo"
    write(source, samples)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        pixels = [rendition.getpixel((x, rendition.height // 2)) for x in (100, 700)]
    assert np.abs(np.array(pixels) - [(255, 0, 0, 128), (255, 255, 255, 255)]).max() <= 4


@pytest.mark.parametrize("tag", [3, 6])
def test_pictures_of_16_bits_are_turned_upright_once(tmp_path: Path, out: Path, tag: int) -> None:
    samples = np.zeros((300, 900, 3), np.uint16)
    samples[:, :450] = (65535, 0, 0)
    source = charts.tiff(tmp_path / "photo", samples, tags={274: tag})

    picture = develop(source, out)

    size, red = ((900, 300), (0.9, 0.5)) if tag == 3 else ((300, 900), (0.5, 0.1))
    assert (picture.width, picture.height) == size
    with Image.open(picture.renditions[0].path) as rendition:
        pixel = rendition.getpixel((int(red[0] * rendition.width), int(red[1] * rendition.height)))
    assert pixel == pytest.approx((255, 0, 0), abs=4)


def test_a_picture_of_16_bits_is_shown_although_memory_is_short(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.full((2000, 3000, 3), 0x8080, np.uint16))
    limits = replace(DEFAULT.limits, memory_bytes=130_000_000)

    picture = develop(source, out, replace(DEFAULT, limits=limits))

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.getpixel((9, 9)) == pytest.approx((128, 128, 128), abs=3)


SPACES = {"Display P3": (12, 13), "BT.2020": (9, 1), "linear": (1, 8), "gamma 2.2": (1, 4)}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_the_cicp_chunk_of_a_png_is_used(tmp_path: Path, out: Path, space: tuple[int, int]) -> None:
    source = tmp_path / "photo"
    Image.fromarray(chart()).save(source, "PNG", icc_profile=charts.SWAPPED)
    content = source.read_bytes()
    cicp_chunk = charts.png_chunk(b"cICP", bytes((*space, 0, 1)))
    source.write_bytes(content[:33] + cicp_chunk + content[33:])
    expected = patches(by_lcms(Image.fromarray(chart()), cicp.profile(*space)))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_the_nclx_colour_space_of_a_heic_or_avif_is_used(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    image = Image.fromarray(chart())
    image.save(
        source, name, quality=98, exif=large_exif(), **({"chroma": 444} if name == "HEIF" else {"subsampling": "4:4:4"})
    )
    content = source.read_bytes()
    at = content.index(b"colrnclx") + 8
    assert content[at : at + 4] == struct.pack(">HH", 1, 13)
    source.write_bytes(content[:at] + struct.pack(">HH", 12, 13) + content[at + 4 :])
    expected = patches(by_lcms(image, cicp.profile(12, 13)))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE + 0.5  # both encoders lose a little first


def test_adobe_rgb_declared_by_exif_alone_is_used(tmp_path: Path, out: Path) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0xA001] = 65535
    tags.get_ifd(0x8769)[0xA005] = {1: "R03"}
    source = tmp_path / "photo"
    Image.fromarray(chart()).save(source, "JPEG", exif=tags.tobytes(), quality=98, subsampling=0)
    expected = patches(by_lcms(Image.fromarray(chart()), cicp.adobe_rgb()))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < MAX_DIFFERENCE


def pq(luminance: float) -> float:
    """Returns the SMPTE ST 2084 signal for a luminance in cd/m²."""
    power = (luminance / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def test_hdr_keeps_its_middle_tones_and_compresses_its_highlights(tmp_path: Path, out: Path) -> None:
    luminances = [0.18 * 203, 0.5 * 203, 203, 406, 1000, 4000]
    levels = np.array([round(255 * pq(luminance)) for luminance in luminances], np.uint8)
    source = tmp_path / "photo"
    Image.fromarray(np.repeat(levels, 64)[None, :, None].repeat(64, 0).repeat(3, 2)).save(source, "PNG")
    content = source.read_bytes()
    source.write_bytes(content[:33] + charts.png_chunk(b"cICP", bytes((9, 16, 0, 1))) + content[33:])

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        values = np.asarray(rendition.convert("RGB"))[32, 32::64, 0].tolist()
    assert [note.code for note in picture.notes] == ["hdr"]
    assert values[:2] == pytest.approx([118, 188], abs=3)  # what 18 % and 50 % of white are in sRGB
    assert values[2:4] == [pytest.approx(233, abs=6), pytest.approx(246, abs=6)]
    assert values[4:] == [pytest.approx(255, abs=2)] * 2
    assert values == sorted(values)


COMPRESSIONS: dict[str, tuple[Callable[[bytes], bytes], dict[int, int]]] = {
    "plain": (lambda content: content, {}),
    "ZIP": (zlib.compress, {259: 8}),
    "LZW": (lambda content: by_libtiff(content, "tiff_lzw"), {259: 5}),
    "PackBits": (lambda content: by_libtiff(content, "packbits"), {259: 32773}),
}


def by_libtiff(content: bytes, compression: str) -> bytes:
    """Returns these bytes as libtiff compresses them."""
    file = BytesIO()
    rows = len(content) // charts.COLUMNS // charts.PATCH
    size = (charts.COLUMNS * charts.PATCH, rows)
    Image.frombytes("L", size, content).save(file, "TIFF", compression=compression, strip_size=len(content))
    with TiffImageFile(BytesIO(file.getvalue())) as image:
        [start], [length] = image.tag_v2[273], image.tag_v2[279]
    return file.getvalue()[start : start + length]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["f2", "f4"])
@pytest.mark.parametrize("packing", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_a_float_tiff_looks_like_the_same_picture_in_srgb(
    tmp_path: Path, out: Path, packing: Any, kind: str, order: str, channels: int
) -> None:
    packed, tags = packing
    samples = chart(3 if channels == 4 else channels)
    light = np.vectorize(cicp.srgb)(samples / 255).astype(kind)
    if channels == 4:
        light = np.dstack([light, np.ones(light.shape[:2], kind)])
    source = charts.tiff(tmp_path / "photo", light, order=order, packed=packed, tags=tags)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(np.squeeze(samples)))) < MAX_DIFFERENCE


def float_differences(content: bytes) -> bytes:
    """Applies Adobe's predictor for floating point: the bytes of a row, sorted by significance, as differences."""
    width = charts.COLUMNS * charts.PATCH
    rows = (
        np.frombuffer(content, np.uint8)
        .reshape(-1, width * 3, 4)[:, :, ::-1]
        .transpose(0, 2, 1)
        .reshape(-1, width * 4, 3)
    )
    row_differences = np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1]))
    return row_differences.astype(np.uint8).tobytes()


def integer_differences(content: bytes) -> bytes:
    """Applies TIFF's horizontal predictor to the bits as 32-bit integers."""
    rows = np.frombuffer(content, "<u4").reshape(-1, charts.COLUMNS * charts.PATCH, 3)
    return np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1])).tobytes()


def test_a_planar_float_tiff_looks_like_the_same_picture_in_srgb(tmp_path: Path, out: Path) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    source = charts.tiff(tmp_path / "photo", light, planar=True)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(chart()))) < MAX_DIFFERENCE


@pytest.mark.parametrize("packing", ["ZIP", "LZW"])
@pytest.mark.parametrize(("predictor", "predict"), [(2, integer_differences), (3, float_differences)])
def test_a_float_tiff_with_a_predictor_looks_like_the_same_picture_in_srgb(
    tmp_path: Path, out: Path, packing: str, predictor: int, predict: Callable[[bytes], bytes]
) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    packed, tags = COMPRESSIONS[packing]
    tags = {**tags, 317: predictor}
    source = charts.tiff(tmp_path / "photo", light, packed=lambda content: packed(predict(content)), tags=tags)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(chart()))) < MAX_DIFFERENCE


def test_values_above_white_in_a_float_tiff_are_compressed(tmp_path: Path, out: Path) -> None:
    levels = np.array([0.18, 0.5, 1.0, 4.0, 8.0], np.float32)
    light = np.repeat(levels, 64)[None, :, None].repeat(64, 0).repeat(3, 2)
    source = charts.tiff(tmp_path / "photo", np.ascontiguousarray(light))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        values = np.asarray(rendition.convert("RGB"))[32, 32::64, 0].tolist()
    assert values[:2] == pytest.approx([118, 188], abs=3)
    assert 220 < values[2] < values[3] < values[4] <= 255


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -5.0])
def test_impossible_values_in_a_float_tiff_are_shown_black(tmp_path: Path, out: Path, number: float) -> None:
    light = np.full((64, 64, 3), number, np.float32)
    source = charts.tiff(tmp_path / "photo", light)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.getpixel((32, 32)) == pytest.approx((0, 0, 0), abs=2)


def test_a_float_tiff_in_an_unknown_compression_is_rejected(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.zeros((64, 64, 3), np.float32), tags={259: 7})

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code, caught.value.permanent) == ("unsupported-depth", True)


def test_a_float_tiff_with_a_huge_tile_is_rejected(tmp_path: Path, out: Path) -> None:
    tile = {322: 60_000, 323: 60_000, 324: 8, 325: 99}
    source = charts.tiff(tmp_path / "photo", np.zeros((64, 64, 3), np.float32), tags={259: 5, **tile})

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.code == "too-many-pixels"


def test_a_float_tiff_with_damaged_compressed_data_is_rejected(tmp_path: Path, out: Path) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    packed, tags = COMPRESSIONS["LZW"]
    source = charts.tiff(tmp_path / "photo", light, packed=lambda content: packed(content)[:500], tags=tags)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)


def test_a_truncated_float_tiff_is_rejected(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.zeros((640, 64, 3), np.float32))
    content = source.read_bytes()
    at = struct.unpack("<I", content[4:8])[0]
    source.write_bytes(content[:4] + struct.pack("<I", 8) + content[at:] + content[8:2000])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)
