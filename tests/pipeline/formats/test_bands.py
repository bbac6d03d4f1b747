"""PNG and TIFF pictures that are too large for memory are read in bands, with the same result as read at once."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from processing.pipeline import DEFAULT, ImageRejected
from processing.pipeline.formats import bands
from processing.pipeline.render.develop import develop
from tests.pipeline import tiffs
from tests.pipeline.test_formats import RED, exif

SIZE = (3000, 2260)
ROWS = replace(DEFAULT, limits=replace(DEFAULT.limits, largest_edge=400))
DITHERED = 12
LITTLE_MEMORY = replace(ROWS, limits=replace(ROWS.limits, memory_bytes=57_000_000))
"""Memory for bands and a small picture, but not for the whole picture."""


@pytest.fixture(autouse=True)
def _several_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes bands of 61 rows, by which the height is not divisible, so that they fit into 1.5 MB."""
    monkeypatch.setattr(bands, "ROWS", 61)


def scene(mode: str) -> Image.Image:
    """Returns smooth gradients that differ in every corner."""
    coarse = np.random.default_rng(3).integers(0, 255, (9, 12, 4), np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    if mode == "I;16":
        wide = np.asarray(image.convert("L"), np.uint16) * 257
        return Image.fromarray(wide)
    if mode == "P":
        return image.convert("RGB").quantize(200)
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def rendered(source: Path, out: Path, recipe: Any) -> tuple[Any, Any]:
    """Develops the file with the smallest rendition only, and returns the picture and the pixels of the rendition."""
    picture = develop(source, out, replace(recipe, rungs=DEFAULT.rungs[-1:]))
    with Image.open(picture.renditions[0].path) as image:
        return picture, np.asarray(image.convert("RGBA"), np.int16)


def assert_same_in_bands(source: Path, out: Path, tolerance: float = 4) -> None:
    """Asserts that both ways give the same picture. A seam, a lost row or a shift of half a patch would differ by tens."""
    whole, expected = rendered(source, out / "whole", ROWS)
    banded, pixels = rendered(source, out / "banded", LITTLE_MEMORY)

    assert (banded.width, banded.height, banded.format) == (whole.width, whole.height, whole.format)
    assert (banded.metadata, banded.notes) == (whole.metadata, whole.notes)
    assert pixels.shape == expected.shape
    weight = np.minimum(pixels[..., 3:], expected[..., 3:]) / 255
    assert np.abs((pixels - expected)[..., :3] * weight).mean() < tolerance
    assert np.abs((pixels - expected)[..., 3]).mean() < tolerance


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_every_mode_looks_the_same(tmp_path: Path, out: Path, mode: str) -> None:
    scene(mode).save(tmp_path / "photo", "PNG", compress_level=1)

    assert_same_in_bands(tmp_path / "photo", out, DITHERED if mode == "1" else 4)


TIFFS: dict[str, dict[str, Any]] = {
    "plain": {},
    "LZW": {"compression": "tiff_lzw"},
    "ZIP": {"compression": "tiff_adobe_deflate"},
    "JPEG": {"compression": "jpeg"},
    "PackBits": {"compression": "packbits"},
}


@pytest.mark.parametrize("options", TIFFS.values(), ids=TIFFS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_tiff_of_strips_looks_the_same(tmp_path: Path, out: Path, mode: str, options: dict[str, Any]) -> None:
    scene(mode).save(tmp_path / "photo", "TIFF", **options)

    assert_same_in_bands(tmp_path / "photo", out)


@pytest.mark.parametrize("mode", ["1", "P", "RGBA", "CMYK", "I;16"])
def test_a_tiff_of_every_mode_looks_the_same(tmp_path: Path, out: Path, mode: str) -> None:
    scene(mode).save(tmp_path / "photo", "TIFF", compression="tiff_lzw" if mode != "1" else None)

    assert_same_in_bands(tmp_path / "photo", out, DITHERED if mode == "1" else 4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_of_one_strip_looks_the_same(tmp_path: Path, out: Path, bits: int, order: str) -> None:
    samples = np.asarray(scene("RGB")).astype(f"{order}u{bits // 8}") * (257 if bits == 16 else 1)
    content = tiffs.of_samples(
        samples.astype(f"{order}u{bits // 8}").tobytes(), SIZE, 3, {258: (bits,) * 3}, order=order
    )
    (tmp_path / "photo").write_bytes(content)

    assert_same_in_bands(tmp_path / "photo", out)


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_picture_read_in_bands_is_turned_upright(tmp_path: Path, out: Path, name: str, orientation: int) -> None:
    scene("RGB").save(tmp_path / "photo", name, exif=exif(orientation).tobytes())

    assert_same_in_bands(tmp_path / "photo", out)


def test_a_png_is_never_decoded_as_a_whole(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    load = PngImagePlugin.PngImageFile.load

    def recorded(image: PngImagePlugin.PngImageFile) -> object:
        sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", recorded)
    scene("RGB").save(tmp_path / "photo", "PNG")

    develop(tmp_path / "photo", out, LITTLE_MEMORY)

    assert (SIZE[0], 61) in sizes
    assert SIZE not in sizes


def test_a_truncated_png_is_rejected(tmp_path: Path, out: Path) -> None:
    buffer = BytesIO()
    scene("RGB").save(buffer, "PNG", compress_level=1)
    (tmp_path / "photo").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) * 2 // 3])

    with pytest.raises(ImageRejected) as caught:
        develop(tmp_path / "photo", out, LITTLE_MEMORY)

    assert (caught.value.code in {"truncated", "broken"}, caught.value.permanent) == (True, True)


def test_a_large_bmp_is_rejected_because_it_cannot_be_read_in_bands(tmp_path: Path, out: Path) -> None:
    Image.new("RGB", SIZE, RED).save(tmp_path / "photo", "BMP")

    with pytest.raises(ImageRejected) as caught:
        develop(tmp_path / "photo", out, LITTLE_MEMORY)

    assert caught.value.code == "too-heavy"
