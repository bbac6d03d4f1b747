"""Every kind of profile, depth and container: no colour is farther from lcms's at full size than an eye would notice."""

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

UNSEEN = 1.5

# G. Sharma, W. Wu and E. Dalal, "The CIEDE2000 color-difference formula", table 1.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "apart"), PAIRS)
def test_the_measure_is_the_published_one(one: tuple[float, ...], other: tuple[float, ...], apart: float) -> None:
    assert charts.difference(one, other) == pytest.approx(apart, abs=0.0001)


def saved(name: str, **options: Any) -> Callable[[Path, Any, bytes], object]:
    def save(path: Path, samples: Any, profile: bytes) -> None:
        Image.fromarray(samples).save(path, name, icc_profile=profile, **options)

    return save


def deep(write: Callable[..., object]) -> Callable[[Path, Any, bytes], object]:
    return lambda path, samples, profile: write(path, samples.astype(np.uint16) * 257, profile)


def roomy() -> bytes:
    """Metadata so large that no rendition has to be encoded worse in order not to be larger than its original."""
    tags = Image.Exif()
    tags[0x010E] = "x" * 60_000
    return tags.tobytes()


WRITERS = {
    "JPEG": saved("JPEG", quality=98, subsampling=0),
    "PNG": saved("PNG"),
    "WebP": saved("WEBP", lossless=True, exif=roomy()),
    "TIFF": saved("TIFF"),
    "AVIF": saved("AVIF", quality=98, subsampling="4:4:4", exif=roomy()),
    "HEIC": saved("HEIF", quality=98, chroma=444),
    "PNG of 16 bits": deep(charts.png16),
    "TIFF of 16 bits": deep(charts.tiff),
    "TIFF of 16 bits, the other way round": deep(partial(charts.tiff, order=">")),
    "TIFF of 16 bits, plane by plane": deep(partial(charts.tiff, planar=True)),
    "TIFF of 16 bits, packed": deep(partial(charts.tiff, packed=zlib.compress, tags={259: 8})),
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
def test_colours_are_those_of_the_profile(
    tmp_path: Path, out: Path, write: Callable[[Path, Any, bytes], object], profile: bytes
) -> None:
    source = tmp_path / "photo"
    write(source, chart(), profile)
    lossy = ("JPEG", "AVIF", "HEIF")
    with Image.open(source) as image:
        expected = patches(by_lcms(image if image.format in lossy else Image.fromarray(chart()), profile))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN


def ink(name: str, **options: Any) -> Callable[[Path, Any, bytes], object]:
    def save(path: Path, samples: Any, profile: bytes) -> None:
        Image.fromarray(samples, "CMYK").save(path, name, icc_profile=profile, **options)

    return save


INK_WRITERS = {
    "JPEG": ink("JPEG", quality=98, subsampling=0),
    "TIFF": ink("TIFF"),
    "TIFF of 16 bits": deep(partial(charts.tiff, ink=True)),
}


@pytest.mark.parametrize("write", INK_WRITERS.values(), ids=INK_WRITERS)
def test_inks_are_those_of_the_profile(tmp_path: Path, out: Path, write: Callable[..., object]) -> None:
    source = tmp_path / "photo"
    write(source, chart(4), charts.INKS)
    with Image.open(source) as image:
        expected = patches(by_lcms(image, charts.INKS))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
@pytest.mark.parametrize("depth", [8, 16])
def test_greys_are_those_of_the_profile(tmp_path: Path, out: Path, depth: int, gamma: float) -> None:
    source = tmp_path / "photo"
    grey, profile = chart(1), charts.grey_profile(gamma)
    if depth == 16:
        charts.png16(source, grey.astype(np.uint16) * 257, profile)
    else:
        Image.fromarray(grey[..., 0]).save(source, "PNG", icc_profile=profile)
    expected = patches(by_lcms(Image.fromarray(grey[..., 0]), profile))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN


@pytest.mark.parametrize(
    "write",
    [
        charts.png16,
        charts.tiff,
        partial(charts.tiff, packed=zlib.compress, tags={259: 8}),
    ],
    ids=["PNG", "TIFF", "TIFF packed"],
)
def test_sixteen_bits_of_a_linear_space_have_no_bands_in_their_shadows(
    tmp_path: Path, out: Path, write: Callable[..., object]
) -> None:
    shades = np.linspace(0, 65535 * 0.02, 400).astype(np.uint16)
    samples = np.broadcast_to(shades[None, :, None], (100, 400, 3))
    source = tmp_path / "photo"
    write(source, np.ascontiguousarray(samples), charts.LINEAR)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        seen = np.asarray(rendition.convert("L"))[50]
    # A fiftieth of the light has 6 steps in eight bits; sRGB has 39 for it.
    assert len(set(seen.tolist())) > 30


@pytest.mark.parametrize("write", [charts.png16, charts.tiff], ids=["PNG", "TIFF"])
def test_sixteen_bits_keep_their_transparency(tmp_path: Path, out: Path, write: Callable[..., object]) -> None:
    samples = np.full((300, 900, 4), 65535, np.uint16)
    samples[:, :450] = (65535, 0, 0, 0x8080)
    source = tmp_path / "photo"
    write(source, samples)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        seen = [rendition.getpixel((x, rendition.height // 2)) for x in (100, 700)]
    assert np.abs(np.array(seen) - [(255, 0, 0, 128), (255, 255, 255, 255)]).max() <= 4


@pytest.mark.parametrize("tag", [3, 6])
def test_sixteen_bits_are_turned_upright_once(tmp_path: Path, out: Path, tag: int) -> None:
    samples = np.zeros((300, 900, 3), np.uint16)
    samples[:, :450] = (65535, 0, 0)
    source = charts.tiff(tmp_path / "photo", samples, tags={274: tag})

    picture = develop(source, out)

    upright, red = ((900, 300), (0.9, 0.5)) if tag == 3 else ((300, 900), (0.5, 0.1))
    assert (picture.width, picture.height) == upright
    with Image.open(picture.renditions[0].path) as rendition:
        seen = rendition.getpixel((int(red[0] * rendition.width), int(red[1] * rendition.height)))
    assert seen == pytest.approx((255, 0, 0), abs=4)


def test_sixteen_bits_without_memory_for_them_are_shown_all_the_same(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.full((2000, 3000, 3), 0x8080, np.uint16))
    limits = replace(DEFAULT.limits, memory_bytes=130_000_000)

    picture = develop(source, out, replace(DEFAULT, limits=limits))

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.getpixel((9, 9)) == pytest.approx((128, 128, 128), abs=3)


NAMED = {"Display P3": (12, 13), "BT.2020": (9, 1), "linear": (1, 8), "gamma 2.2": (1, 4)}


@pytest.mark.parametrize("space", NAMED.values(), ids=NAMED)
def test_a_png_that_names_its_space_by_number(tmp_path: Path, out: Path, space: tuple[int, int]) -> None:
    source = tmp_path / "photo"
    Image.fromarray(chart()).save(source, "PNG", icc_profile=charts.SWAPPED)
    content = source.read_bytes()
    named = charts.png_chunk(b"cICP", bytes((*space, 0, 1)))
    source.write_bytes(content[:33] + named + content[33:])
    expected = patches(by_lcms(Image.fromarray(chart()), cicp.profile(*space)))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_a_heic_or_avif_that_names_its_space_by_number(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    image = Image.fromarray(chart())
    image.save(
        source, name, quality=98, exif=roomy(), **({"chroma": 444} if name == "HEIF" else {"subsampling": "4:4:4"})
    )
    content = source.read_bytes()
    at = content.index(b"colrnclx") + 8
    assert content[at : at + 4] == struct.pack(">HH", 1, 13)
    source.write_bytes(content[:at] + struct.pack(">HH", 12, 13) + content[at + 4 :])
    expected = patches(by_lcms(image, cicp.profile(12, 13)))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN + 0.5  # both encoders lose a little first


def test_a_camera_that_only_says_adobe_rgb_by_exif(tmp_path: Path, out: Path) -> None:
    tags = Image.Exif()
    tags.get_ifd(0x8769)[0xA001] = 65535
    tags.get_ifd(0x8769)[0xA005] = {1: "R03"}
    source = tmp_path / "photo"
    Image.fromarray(chart()).save(source, "JPEG", exif=tags.tobytes(), quality=98, subsampling=0)
    expected = patches(by_lcms(Image.fromarray(chart()), cicp.adobe_rgb()))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), expected) < UNSEEN


def pq(light: float) -> float:
    """SMPTE ST 2084, from cd/m²."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def test_hdr_keeps_its_middle_tones_and_rolls_off_its_lights(tmp_path: Path, out: Path) -> None:
    lights = [0.18 * 203, 0.5 * 203, 203, 406, 1000, 4000]
    levels = np.array([round(255 * pq(light)) for light in lights], np.uint8)
    source = tmp_path / "photo"
    Image.fromarray(np.repeat(levels, 64)[None, :, None].repeat(64, 0).repeat(3, 2)).save(source, "PNG")
    content = source.read_bytes()
    source.write_bytes(content[:33] + charts.png_chunk(b"cICP", bytes((9, 16, 0, 1))) + content[33:])

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        seen = np.asarray(rendition.convert("RGB"))[32, 32::64, 0].tolist()
    assert [note.code for note in picture.notes] == ["hdr"]
    assert seen[:2] == pytest.approx([118, 188], abs=3)  # what 18 % and 50 % of white are in sRGB
    assert seen[2:4] == [pytest.approx(233, abs=6), pytest.approx(246, abs=6)]
    assert seen[4:] == [pytest.approx(255, abs=2)] * 2
    assert seen == sorted(seen)


PACKINGS: dict[str, tuple[Callable[[bytes], bytes], dict[int, int]]] = {
    "plain": (lambda content: content, {}),
    "ZIP": (zlib.compress, {259: 8}),
    "LZW": (lambda content: by_libtiff(content, "tiff_lzw"), {259: 5}),
    "PackBits": (lambda content: by_libtiff(content, "packbits"), {259: 32773}),
}


def by_libtiff(content: bytes, compression: str) -> bytes:
    """As libtiff packs these bytes."""
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
@pytest.mark.parametrize("packing", PACKINGS.values(), ids=PACKINGS)
def test_a_tiff_of_light_looks_like_the_same_picture_in_srgb(
    tmp_path: Path, out: Path, packing: Any, kind: str, order: str, channels: int
) -> None:
    packed, tags = packing
    shown = chart(3 if channels == 4 else channels)
    light = np.vectorize(cicp.srgb)(shown / 255).astype(kind)
    if channels == 4:
        light = np.dstack([light, np.ones(light.shape[:2], kind)])
    source = charts.tiff(tmp_path / "photo", light, order=order, packed=packed, tags=tags)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(np.squeeze(shown)))) < UNSEEN


def differences(content: bytes) -> bytes:
    """Adobe's predictor for floating point: the bytes of a row by their weight, as differences."""
    width = charts.COLUMNS * charts.PATCH
    rows = (
        np.frombuffer(content, np.uint8)
        .reshape(-1, width * 3, 4)[:, :, ::-1]
        .transpose(0, 2, 1)
        .reshape(-1, width * 4, 3)
    )
    first = np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1]))
    return first.astype(np.uint8).tobytes()


def whole_differences(content: bytes) -> bytes:
    """TIFF's own predictor, of the bits of 32-bit numbers."""
    rows = np.frombuffer(content, "<u4").reshape(-1, charts.COLUMNS * charts.PATCH, 3)
    return np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1])).tobytes()


def test_a_tiff_of_light_plane_by_plane(tmp_path: Path, out: Path) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    source = charts.tiff(tmp_path / "photo", light, planar=True)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(chart()))) < UNSEEN


@pytest.mark.parametrize("packing", ["ZIP", "LZW"])
@pytest.mark.parametrize(("predictor", "foretold"), [(2, whole_differences), (3, differences)])
def test_a_tiff_of_light_as_differences(
    tmp_path: Path, out: Path, packing: str, predictor: int, foretold: Callable[[bytes], bytes]
) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    packed, tags = PACKINGS[packing]
    tags = {**tags, 317: predictor}
    source = charts.tiff(tmp_path / "photo", light, packed=lambda content: packed(foretold(content)), tags=tags)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert farthest(patches(rendition), patches(Image.fromarray(chart()))) < UNSEEN


def test_light_beyond_white_is_rolled_off(tmp_path: Path, out: Path) -> None:
    levels = np.array([0.18, 0.5, 1.0, 4.0, 8.0], np.float32)
    light = np.repeat(levels, 64)[None, :, None].repeat(64, 0).repeat(3, 2)
    source = charts.tiff(tmp_path / "photo", np.ascontiguousarray(light))

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        seen = np.asarray(rendition.convert("RGB"))[32, 32::64, 0].tolist()
    assert seen[:2] == pytest.approx([118, 188], abs=3)
    assert 220 < seen[2] < seen[3] < seen[4] <= 255


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, -5.0])
def test_numbers_that_are_no_light_are_dark(tmp_path: Path, out: Path, number: float) -> None:
    light = np.full((64, 64, 3), number, np.float32)
    source = charts.tiff(tmp_path / "photo", light)

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.getpixel((32, 32)) == pytest.approx((0, 0, 0), abs=2)


def test_refuses_light_in_a_packing_that_nobody_unpacks_here(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.zeros((64, 64, 3), np.float32), tags={259: 7})

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code, caught.value.permanent) == ("unsupported-depth", True)


def test_refuses_light_in_a_tile_that_is_a_bomb(tmp_path: Path, out: Path) -> None:
    tile = {322: 60_000, 323: 60_000, 324: 8, 325: 99}
    source = charts.tiff(tmp_path / "photo", np.zeros((64, 64, 3), np.float32), tags={259: 5, **tile})

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert caught.value.code == "too-many-pixels"


def test_refuses_light_whose_packing_is_damaged(tmp_path: Path, out: Path) -> None:
    light = np.vectorize(cicp.srgb)(chart() / 255).astype("f4")
    packed, tags = PACKINGS["LZW"]
    source = charts.tiff(tmp_path / "photo", light, packed=lambda content: packed(content)[:500], tags=tags)

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)


def test_refuses_a_cut_tiff_of_light(tmp_path: Path, out: Path) -> None:
    source = charts.tiff(tmp_path / "photo", np.zeros((640, 64, 3), np.float32))
    content = source.read_bytes()
    at = struct.unpack("<I", content[4:8])[0]
    source.write_bytes(content[:4] + struct.pack("<I", 8) + content[at:] + content[8:2000])

    with pytest.raises(ImageRejected) as caught:
        develop(source, out)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)
