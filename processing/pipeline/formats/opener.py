"""Opens a file with the decoder for its format, and raises an error if the header shows that it cannot be developed.

This module itself decodes no pixels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.colour import bit_depth, cicp, declared_space
from processing.pipeline.containers import heif_items, png_chunks, tiff_directory, tiff_first_page
from processing.pipeline.formats import (
    animation,
    bands,
    completeness,
    heif_plugin,
    jxl,
    large_webp,
    raw,
    truncated,
    zeroed_data,
)
from processing.pipeline.formats.detect import Kind, detect
from processing.pipeline.formats.jpeg import jpeg_repair, scans
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import blocks, camera_raw
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits, scaled_size

heif_plugin.register()

CODINGS = {"HEIF": {"hvc1", "grid", "iden", "iovl"}, "AVIF": {"av01", "grid", "iden", "iovl"}}
"""The types of main pictures that the decoders support."""
BANDED = {"PNG", "TIFF"}
UNSUPPORTED_COMPRESSIONS = {50001}
"""Compressions that Pillow passes to libtiff although the libtiff in its wheels does not support them: WebP."""
HDR = Note("hdr", "HDR picture, tone-mapped for standard screens.")


@contextmanager
def open_picture(source: Path, bounds: Limits) -> Iterator[OpenedPicture]:
    """Context manager for a picture within `bounds`, by its header. Most formats' pixels are not decoded yet."""
    with source.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = _open_strictly(file, source, bounds)
        with picture.image:
            yield picture


@contextmanager
def open_leniently(file: BinaryIO, bounds: Limits) -> Iterator[Image.Image]:
    """Like `open_picture`, for previews: JPEG, PNG, HEIC and still WebP may be truncated. Raises UnsupportedRaw for RAW files."""
    kind, memory = _recognise(file, bounds, is_strict=False)
    if kind.is_raw:
        raise errors.UnsupportedRaw(kind.name)
    if kind.name == "JPEG":
        file = _without_hiding_faults(file, bounds)
    with error_mapping.file_errors(memory):
        image = _open_truncated_webp(file, kind) or _open_leniently(file, kind, bounds)
    with image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield image


def _open_truncated_webp(file: BinaryIO, kind: Kind) -> Image.Image | None:
    return truncated.webp(file) if kind.name == "WEBP" and not completeness.is_complete(file, kind) else None


def _open_leniently(file: BinaryIO, kind: Kind, bounds: Limits) -> Image.Image:
    if picture := _open_without_pillow(file, kind, bounds):
        return picture.image
    return _open_within_limits(truncated.heif(file, bounds) if kind.name == "HEIF" else file, kind, bounds)


def _open_strictly(file: BinaryIO, source: Path, bounds: Limits) -> OpenedPicture:
    try:
        kind, memory = _recognise(file, bounds)
    except errors.TooMuchMemory:
        if not _is_webp(file) or (large_picture := large_webp.open_picture(file, bounds)) is None:
            raise
        zeroed_data.check(file, "WEBP")
        return large_picture
    with error_mapping.file_errors(memory):
        if kind.is_raw:
            return raw.open_picture(file, source, kind.name, bounds)
        if kind.name == "JPEG" and (repaired := _repaired(file, bounds)):
            return repaired
        if picture := _open_without_pillow(file, kind, bounds):
            return picture
        picture = _open_with_pillow(file, kind, source, bounds)
        zeroed_data.check(file, kind.name)
        note = png_chunks.checksum_note(file) if kind.name == "PNG" else None
        return replace(picture, notes=(*picture.notes, note)) if note else picture


def _open_with_pillow(file: BinaryIO, kind: Kind, source: Path, bounds: Limits) -> OpenedPicture:
    try:
        return _with_metadata(_open_within_limits(file, kind, bounds), file, source, bounds)
    except errors.TooMuchMemory:
        if kind.name not in BANDED or (picture := _open_in_bands(file, kind.name, bounds)) is None:
            raise
        return picture


def _recognise(file: BinaryIO, bounds: Limits, *, is_strict: bool = True) -> tuple[Kind, int]:
    """The kind of file, and the memory that reading its header needs."""
    with error_mapping.file_errors():
        kind = detect(file)
        completeness.check(file, kind, is_strict=is_strict)
        return kind, memory_limits.check_file(file, kind.name, bounds)


def _repaired(file: BinaryIO, bounds: Limits) -> OpenedPicture | None:
    """A repaired JPEG with a note of its damage; None if it is undamaged. Raises Truncated or Broken if it cannot be repaired."""
    with scans.mapped(file) as data:
        if scans.is_sound(data):
            return None
        image = _open_within_limits(file, Kind("JPEG"), bounds)
        memory_limits.check_repair(image, len(data), bounds)
        repaired = jpeg_repair.repair(data, scaled_size(image.size, bounds.largest_edge))
    content = BytesIO(repaired.content)
    picture = _with_metadata(header(content, "JPEG"), content, Path(), bounds)
    return replace(picture, source=None, notes=(*picture.notes, repaired.note))


def _is_webp(file: BinaryIO) -> bool:
    file.seek(0)
    return detect(file).name == "WEBP"


def _open_without_pillow(file: BinaryIO, kind: Kind, bounds: Limits) -> OpenedPicture | None:
    """The picture if its format is not opened by Pillow; otherwise None."""
    if kind.name == "JXL":
        return jxl.open_picture(file, bounds)
    photo_page = tiff_directory.photo(file) if kind.name == "TIFF" else None
    if tiff_directory.is_float(photo_page):
        from processing.pipeline.formats import float_tiff  # imports NumPy

        return float_tiff.open_picture(tiff_first_page.at_photo(file), bounds)
    if tiff_directory.is_lab(photo_page):
        from processing.pipeline.formats import lab_tiff

        return lab_tiff.open_picture(tiff_first_page.at_photo(file), bounds)
    return None


def _open_within_limits(file: BinaryIO, kind: Kind, bounds: Limits) -> ImageFile.ImageFile:
    frame = _jpeg_frame(file) if kind.name == "JPEG" else None
    if frame and frame.unsupported:
        raise errors.UnsupportedJpeg(frame.unsupported)
    image = header(file, kind.name)
    if frame and frame.is_lossless:
        image.info["lossless"] = True
    memory_limits.check_picture(image, bounds)
    return image


def _without_hiding_faults(file: BinaryIO, bounds: Limits) -> BinaryIO:
    """The JPEG without faults that hide more of the picture than is damaged."""
    with scans.mapped(file) as data:
        is_large = len(data) > bounds.max_buffered_bytes
        return file if is_large or scans.is_sound(data) else BytesIO(jpeg_repair.repair_leniently(data))


def _open_in_bands(file: BinaryIO, name: str, bounds: Limits) -> OpenedPicture | None:
    """A picture too large for memory, reduced to the size of the largest rendition; None if it cannot be read in bands."""
    image = header(file, name)
    described = _with_metadata(image, file, Path(), replace(bounds, memory_bytes=0))  # no memory for 16 bits a sample
    if described.frames > 1 or (reduced := bands.open_reduced(image, file, bounds)) is None:
        return None
    turn = described.turn or reduced.turn
    return replace(described, image=reduced.image, turn=turn, source=None, upright=reduced.upright(turn))


def _jpeg_frame(file: BinaryIO) -> scans.Frame | None:
    with scans.mapped(file) as data:
        return scans.frame(data)


def _with_metadata(image: ImageFile.ImageFile, file: BinaryIO, source: Path, bounds: Limits) -> OpenedPicture:
    # JPEGs of action cameras have a preview as second picture, so Pillow detects them as MPO.
    name = "JPEG" if image.format == "MPO" else str(image.format)
    is_deep = bit_depth.is_high_bit_depth(image, bounds)
    frames = animation.frames(image)
    is_animated = animation.is_kept(image, frames, bounds)
    metadata_blocks, turn = _metadata_blocks(image, file), orientation.turn(image)
    if name == "TIFF" and turn is None:
        turn = _first_page_turn(image, file)
    declared = declared_space.space(image, file)
    if profile := declared_space.profile(declared, image, metadata_blocks):
        image.info["icc_profile"] = profile
    notes = [HDR] if declared and declared[1] in cicp.HDR else []
    if not is_animated:
        notes.append(animation.stopped_note(image, frames, bounds))
    return OpenedPicture(
        image,
        name,
        metadata_blocks,
        turn,
        source,
        frames=frames if is_animated else 1,
        is_high_bit_depth=is_deep,
        notes=tuple(notes),
    )


def _metadata_blocks(image: ImageFile.ImageFile, file: BinaryIO) -> Blocks:
    """The picture's metadata blocks; those of a TIFF's first page if the photo is another page without a camera name."""
    page_blocks = blocks.of_image(image)
    if image.format != "TIFF" or page_blocks.camera or _is_first_page(image, file):
        return page_blocks
    first_blocks = camera_raw.read(file, "TIFF", None)
    return first_blocks if first_blocks.main else page_blocks


def _first_page_turn(image: ImageFile.ImageFile, file: BinaryIO) -> Image.Transpose | None:
    first = tiff_directory.first_page(file)
    if first is None or _is_first_page(image, file) or ExifTags.Base.Orientation in _tags(image):
        return None
    return orientation.TURNS.get(first.tags.get(tiff_directory.ORIENTATION, (1,))[0])


def _is_first_page(image: ImageFile.ImageFile, file: BinaryIO) -> bool:
    first = tiff_directory.first_page(file)
    return first is None or first.offset == getattr(_tags(image), "offset", first.offset)


def _tags(image: ImageFile.ImageFile) -> Any:
    return getattr(image, "tag_v2", {})


def header(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    """The image as opened by Pillow, with its pixels not decoded yet.

    Pillow's own pixel limit is disabled, because its error does not contain the size; `memory_limits` has its own.

    LOAD_TRUNCATED_IMAGES is set only to open a PNG with damaged optional chunks. Damaged pixels still raise an error.
    """
    if name == "TIFF":
        file = tiff_first_page.at_photo(file)
        if tiff_directory.compression_code(file) in UNSUPPORTED_COMPRESSIONS and (
            kind := tiff_directory.unusual_format(file)
        ):
            raise errors.UnsupportedDepth(kind)
    if name == "HEIF":
        file = heif_items.without_appended_file(file)
    file.seek(0)
    pixel_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    ImageFile.LOAD_TRUNCATED_IMAGES = name == "PNG"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=(name,))
            if name == "PNG":
                png_chunks.read_description(image, file)
            if name == "TIFF":
                tiff_first_page.make_exif_readable(image)
            return _open_with_libtiff(file) if bit_depth.needs_libtiff(image) else image
    except (UnidentifiedImageError, KeyError, OSError) as error:
        if unsupported := _unsupported(file, name, str(error)):
            raise unsupported from error
        raise
    finally:
        Image.MAX_IMAGE_PIXELS = pixel_limit
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _unsupported(file: BinaryIO, name: str, error: str) -> errors.ImageRejected | None:
    """The error for a file that is undamaged but unsupported; None if the file may be damaged."""
    if name == "TIFF" and (kind := tiff_directory.unusual_format(file)):
        return errors.UnsupportedDepth(kind)
    if name in CODINGS and (coding := heif_items.coding(file)) and coding not in CODINGS[name]:
        description = heif_items.NAMES.get(coding, f"coded as “{coding}”")
        return errors.UnsupportedImage(f"a {'HEIC' if name == 'HEIF' else name} picture {description}")
    if "unsupported" in error.lower():
        return errors.UnsupportedImage(f"a {name} of an unusual kind")
    return None


def _open_with_libtiff(file: BinaryIO) -> ImageFile.ImageFile:
    file.seek(0)
    TiffImagePlugin.READ_LIBTIFF = True
    try:
        return Image.open(file, formats=("TIFF",))
    finally:
        TiffImagePlugin.READ_LIBTIFF = False
