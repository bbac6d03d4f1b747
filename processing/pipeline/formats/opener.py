"""Opens a file with the one decoder that fits it, and refuses what its header already condemns.

No pixel is decoded here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pillow_heif
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.colour import bit_depth, cicp, declared_space
from processing.pipeline.containers import heif_items, png_chunks, tiff_directory, tiff_first_page
from processing.pipeline.formats import animation, bands, completeness, jxl, large_webp, raw, zeroed_data
from processing.pipeline.formats.detect import Kind, recognise
from processing.pipeline.formats.jpeg import repair, scans
from processing.pipeline.formats.opened import Opened
from processing.pipeline.metadata import blocks, camera_raw
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits, fitted

# Thumbnails off: draft() would otherwise decode one instead of the picture.
pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)

CODINGS = {"HEIF": {"hvc1", "grid", "iden", "iovl"}, "AVIF": {"av01", "grid", "iden", "iovl"}}
"""Of the main picture, as far as their decoders know them."""
BANDED = {"PNG", "TIFF"}
NOT_UNPACKED = {50001}
"""Packings that Pillow believes libtiff to know, though its wheels' libtiff does not: WebP."""
HDR = Note("hdr", "This is an HDR picture. Its brightest lights are toned down to what every screen can show.")


@contextmanager
def opened(source: Path, bounds: Limits) -> Iterator[Opened]:
    """The picture with its header read and found within `bounds`; its pixels are mostly still in the file."""
    with source.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = _checked(file, source, bounds)
        with found.image:
            yield found


@contextmanager
def opened_leniently(file: BinaryIO, bounds: Limits) -> Iterator[Image.Image]:
    """As `opened`, for who only wants to look: a JPEG may end early or hold anything. RAW is not even tried."""
    kind, memory = _recognised(file, bounds, is_strict=False)
    if kind.is_raw:
        raise errors.UnsupportedRaw(kind.name)
    if kind.name == "JPEG":
        file = _legible(file, bounds)
    with error_mapping.of_the_file(memory):
        found = _by_others(file, kind, bounds)
        image = found.image if found else _within(file, kind, bounds)
    with image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield image


def _checked(file: BinaryIO, source: Path, bounds: Limits) -> Opened:
    try:
        kind, memory = _recognised(file, bounds)
    except errors.TooHeavy:
        if not _is_webp(file) or (large := large_webp.opened(file, bounds)) is None:
            raise
        zeroed_data.check(file, "WEBP")
        return large
    with error_mapping.of_the_file(memory):
        if kind.is_raw:
            return raw.opened(file, source, kind.name, bounds)
        if kind.name == "JPEG" and (mended := _mended(file, bounds)):
            return mended
        if found := _by_others(file, kind, bounds):
            return found
        found = _by_pillow(file, kind, source, bounds)
        zeroed_data.check(file, kind.name)
        note = png_chunks.damage(file) if kind.name == "PNG" else None
        return replace(found, notes=(*found.notes, note)) if note else found


def _by_pillow(file: BinaryIO, kind: Kind, source: Path, bounds: Limits) -> Opened:
    try:
        return _described(_within(file, kind, bounds), file, source, bounds)
    except errors.TooHeavy:
        if kind.name not in BANDED or (found := _in_bands(file, kind.name, bounds)) is None:
            raise
        return found


def _recognised(file: BinaryIO, bounds: Limits, *, is_strict: bool = True) -> tuple[Kind, int]:
    """What it is, and the memory that reading its header takes."""
    with error_mapping.of_the_file():
        kind = recognise(file)
        if is_strict or not kind.is_raw:
            completeness.check(file, kind)
        return kind, memory_limits.check_file(file, kind.name, bounds)


def _mended(file: BinaryIO, bounds: Limits) -> Opened | None:
    """A JPEG with slight damage as if it had none, and a note of it; None of one that is sound. Raises what fits the others."""
    with scans.mapped(file) as data:
        if scans.is_sound(data):
            return None
        image = _within(file, Kind("JPEG"), bounds)
        memory_limits.check_repair(image, len(data), bounds)
        repaired = repair.repaired(data, fitted(image.size, bounds.largest_edge))
    whole = BytesIO(repaired.content)
    found = _described(header(whole, "JPEG"), whole, Path(), bounds)
    return replace(found, source=None, notes=(*found.notes, repaired.note))


def _is_webp(file: BinaryIO) -> bool:
    file.seek(0)
    return recognise(file).name == "WEBP"


def _by_others(file: BinaryIO, kind: Kind, bounds: Limits) -> Opened | None:
    """What Pillow does not open."""
    if kind.name == "JXL":
        return jxl.opened(file, bounds)
    page = tiff_directory.photo(file) if kind.name == "TIFF" else None
    if tiff_directory.is_floating(page):
        from processing.pipeline.formats import float_tiff  # it brings NumPy along

        return float_tiff.opened(tiff_first_page.at_photo(file), bounds)
    if tiff_directory.is_lab(page):
        from processing.pipeline.formats import lab_tiff

        return lab_tiff.opened(tiff_first_page.at_photo(file), bounds)
    return None


def _within(file: BinaryIO, kind: Kind, bounds: Limits) -> ImageFile.ImageFile:
    frame = _frame(file) if kind.name == "JPEG" else None
    if frame and frame.unsupported:
        raise errors.UnsupportedJpeg(frame.unsupported)
    image = header(file, kind.name)
    if frame and frame.is_lossless:
        image.info["lossless"] = True
    memory_limits.check_picture(image, bounds)
    return image


def _legible(file: BinaryIO, bounds: Limits) -> BinaryIO:
    """A JPEG without those faults that hide more of it than is damaged."""
    with scans.mapped(file) as data:
        is_large = len(data) > bounds.swallowed_bytes
        return file if is_large or scans.is_sound(data) else BytesIO(repair.lenient(data))


def _in_bands(file: BinaryIO, name: str, bounds: Limits) -> Opened | None:
    """A picture too large for memory, at the size that renditions are made of; None where it cannot be read so."""
    image = header(file, name)
    described = _described(image, file, Path(), replace(bounds, memory_bytes=0))  # so that nothing is kept in 16 bits
    if described.frames > 1 or (found := bands.reduced(image, file, bounds)) is None:
        return None
    turn = described.turn or found.turn
    return replace(described, image=found.image, turn=turn, source=None, upright=found.upright(turn))


def _frame(file: BinaryIO) -> scans.Frame | None:
    with scans.mapped(file) as data:
        return scans.frame(data)


def _described(image: ImageFile.ImageFile, file: BinaryIO, source: Path, bounds: Limits) -> Opened:
    # Action cameras' JPEGs carry a preview as second picture, which makes Pillow call them MPO.
    name = "JPEG" if image.format == "MPO" else str(image.format)
    deep = bit_depth.is_deep(image, bounds)
    frames = animation.frames(image)
    is_kept = animation.is_kept(image, frames, bounds)
    facts, turn = _facts(image, file), orientation.turn(image)
    if name == "TIFF" and turn is None:
        turn = _turn_of_first(image, file)
    named = declared_space.space(image, file)
    if profile := declared_space.profile(named, image, facts):
        image.info["icc_profile"] = profile
    notes = [HDR] if named and named[1] in cicp.HDR else []
    if not is_kept:
        notes.append(animation.stopped(image, frames, bounds))
    return Opened(image, name, facts, turn, source, frames=frames if is_kept else 1, is_deep=deep, notes=tuple(notes))


def _facts(image: ImageFile.ImageFile, file: BinaryIO) -> Blocks:
    """What the picture says of itself. A TIFF's further page may leave that to the first."""
    own = blocks.of_image(image)
    if image.format != "TIFF" or own.camera or _is_first(image, file):
        return own
    first = camera_raw.read(file, "TIFF", None)
    return first if first.main else own


def _turn_of_first(image: ImageFile.ImageFile, file: BinaryIO) -> Image.Transpose | None:
    first = tiff_directory.first(file)
    if first is None or _is_first(image, file) or ExifTags.Base.Orientation in _tags(image):
        return None
    return orientation.TURNS.get(first.tags.get(tiff_directory.ORIENTATION, (1,))[0])


def _is_first(image: ImageFile.ImageFile, file: BinaryIO) -> bool:
    first = tiff_directory.first(file)
    return first is None or first.offset == getattr(_tags(image), "offset", first.offset)


def _tags(image: ImageFile.ImageFile) -> Any:
    return getattr(image, "tag_v2", {})


def header(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    """The image as Pillow opens it, its pixels still in the file.

    Pillow's own limit is off meanwhile: it keeps the size to itself, and `memory_limits` names it in words.

    "Truncated" here only lets a PNG be opened whose optional chunks are damaged; its pixels get no mercy.
    """
    if name == "TIFF":
        file = tiff_first_page.at_photo(file)
        if tiff_directory.packing(file) in NOT_UNPACKED and (kind := tiff_directory.unusual(file)):
            raise errors.UnsupportedDepth(kind)
    file.seek(0)
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    ImageFile.LOAD_TRUNCATED_IMAGES = name == "PNG"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=(name,))
            if name == "PNG":
                png_chunks.read_description(image, file)
            return _by_libtiff(file) if bit_depth.needs_libtiff(image) else image
    except (UnidentifiedImageError, KeyError, OSError) as error:
        if refusal := _unsupported(file, name, str(error)):
            raise refusal from error
        raise
    finally:
        Image.MAX_IMAGE_PIXELS = usual
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _unsupported(file: BinaryIO, name: str, error: str) -> errors.Refused | None:
    """Why a file that is not damaged cannot be opened; None of one that may be damaged."""
    if name == "TIFF" and (kind := tiff_directory.unusual(file)):
        return errors.UnsupportedDepth(kind)
    if name in CODINGS and (coding := heif_items.coding(file)) and coding not in CODINGS[name]:
        words = heif_items.NAMES.get(coding, f"coded as “{coding}”")
        return errors.UnsupportedImage(f"a {'HEIC' if name == 'HEIF' else name} picture {words}")
    if "unsupported" in error.lower():
        return errors.UnsupportedImage(f"a {name} of an unusual kind")
    return None


def _by_libtiff(file: BinaryIO) -> ImageFile.ImageFile:
    file.seek(0)
    TiffImagePlugin.READ_LIBTIFF = True
    try:
        return Image.open(file, formats=("TIFF",))
    finally:
        TiffImagePlugin.READ_LIBTIFF = False
