"""Renditions of every format, orientation and pixel mode look as the original is meant to look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat, PngImagePlugin

from processing.pipeline.picture import Picture
from processing.pipeline.render.develop import develop

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (230, 220, 40)
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters() -> Image.Image:
    """Returns an upright picture: red and green above, blue and yellow below."""
    image = Image.new("RGB", (192, 128), RED)
    image.paste(GREEN, (96, 0, 192, 64))
    image.paste(BLUE, (0, 64, 96, 128))
    image.paste(YELLOW, (96, 64, 192, 128))
    return image


def middles(picture: Picture) -> list[tuple[int, ...]]:
    """Returns the mean colours of the middles of the four quarters."""
    with Image.open(picture.renditions[0].path) as image:
        width, height = image.size
        return [mean(image, x * width // 4, y * height // 4) for y in (1, 3) for x in (1, 3)]


def mean(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(round(value) for value in ImageStat.Stat(image.crop((x - 8, y - 8, x + 8, y + 8))).mean)


def alike(colours: list[tuple[int, ...]], expected: list[tuple[int, ...]], tolerance: int = 12) -> bool:
    return all(
        abs(a - b) <= tolerance
        for colour, expected_colour in zip(colours, expected, strict=True)
        for a, b in zip(colour, expected_colour, strict=True)
    )


def stored(orientation: int) -> Image.Image:
    transpose = STORED_AS[orientation]
    return quarters() if transpose is None else quarters().transpose(transpose)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_orientation_is_turned_upright_once(tmp_path: Path, out: Path, name: str, orientation: int) -> None:
    source = tmp_path / "photo"
    stored(orientation).save(source, name, exif=exif(orientation).tobytes(), quality=95)

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height) == (name, 192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


@pytest.mark.parametrize("name", ["GIF", "BMP"])
def test_formats_without_orientation_are_not_turned(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    quarters().save(source, name)

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height) == (name, 192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW])


def xmp(orientation: int) -> bytes:
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def save_with_xmp(source: Path, name: str, orientation: int, packet: bytes, **options: Any) -> None:
    if name == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif name == "TIFF":
        options["tiffinfo"] = {700: packet}
    else:
        options["xmp"] = packet
    stored(orientation).save(source, name, quality=95, **options)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_the_orientation_in_xmp_is_used_if_exif_has_none(
    tmp_path: Path, out: Path, name: str, orientation: int
) -> None:
    source = tmp_path / "photo"
    save_with_xmp(source, name, orientation, xmp(orientation))

    picture = develop(source, out)

    assert (picture.width, picture.height) == (192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_the_orientation_in_exif_takes_precedence_over_xmp(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    save_with_xmp(source, name, 6, xmp(3), exif=exif(6).tobytes())

    picture = develop(source, out)

    assert (picture.width, picture.height) == (192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


ORIENTATION_ENTRY = re.compile(rb"(\x01\x12\x00\x03\x00\x00\x00\x01\x00).")


@pytest.mark.parametrize("where", ["EXIF", "XMP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_only_the_container_determines_the_orientation_of_heic_and_avif(
    tmp_path: Path, out: Path, name: str, orientation: int, where: str
) -> None:
    """The encoders store the orientation as irot and imir; another one in EXIF or XMP is outdated."""
    source = tmp_path / "photo"
    packet = {"xmp": xmp(1)} if where == "XMP" else {}
    tags = exif(orientation)
    tags[0x0110] = "Example One"
    stored(orientation).save(source, name, quality=95, exif=tags.tobytes(), **packet)
    content = source.read_bytes()
    stale = ORIENTATION_ENTRY.sub(b"\\g<1>\x08", content) if where == "EXIF" else content.replace(xmp(1), xmp(8))
    source.write_bytes(stale)
    assert (stale != content) or (name, where) == ("AVIF", "EXIF")  # Pillow writes no such tag into an AVIF

    picture = develop(source, out)

    assert (picture.width, picture.height) == (192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


MODES = {
    "1": (255, 255, 255),
    "L": (128, 128, 128),
    "LA": (128, 128, 128, 90),
    "P": RED,
    "RGB": RED,
    "RGBA": (*RED, 90),
    "I;16": (128, 128, 128),
}


FILLS: dict[str, float | tuple[int, ...]] = {
    "1": 1,
    "L": 128,
    "LA": (128, 90),
    "RGB": RED,
    "RGBA": (*RED, 90),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_png_of_every_mode_keeps_colour_and_transparency(tmp_path: Path, out: Path, mode: str) -> None:
    source = tmp_path / "photo"
    plane(mode).save(source, "PNG")

    picture = develop(source, out)

    assert alike(middles(picture), [MODES[mode]] * 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"])
def test_a_tiff_of_every_mode_keeps_colour_and_transparency(tmp_path: Path, out: Path, mode: str) -> None:
    source = tmp_path / "photo"
    plane(mode).save(source, "TIFF")

    picture = develop(source, out)

    assert alike(middles(picture), [MODES["I;16" if mode == "I;16B" else mode]] * 4)


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile_is_not_inverted(tmp_path: Path, out: Path, name: str) -> None:
    source = tmp_path / "photo"
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(source, name)

    picture = develop(source, out)

    red, green, blue = middles(picture)[0]
    assert (red > 200, green < 60, blue < 60) == (True, True, True)


def test_a_palette_with_a_transparent_colour_stays_transparent(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    image = Image.new("P", (64, 64), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.save(source, "PNG", transparency=0)

    picture = develop(source, out)

    assert [colour[3] for colour in middles(picture)] == [0, 0, 0, 0]


def test_an_opaque_alpha_channel_is_dropped(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGBA", (64, 64), (*RED, 255)).save(source, "PNG")

    picture = develop(source, out)

    with Image.open(picture.renditions[0].path) as rendition:
        assert rendition.mode == "RGB"


def test_a_jpeg_with_a_second_picture_shows_the_first(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    quarters().save(source, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64), RED)])

    picture = develop(source, out)

    assert (picture.format, picture.width, picture.height) == ("JPEG", 192, 128)
    assert alike(middles(picture), [RED, GREEN, BLUE, YELLOW], tolerance=25)


def plane(mode: str) -> Image.Image:
    if mode.startswith("I;16"):
        return Image.new(mode, (64, 64), 0x8080)
    if mode == "P":
        return Image.new("RGB", (64, 64), RED).quantize(4)
    return Image.new(mode, (64, 64), FILLS[mode])
