"""Opens camera RAW files with LibRaw.

Most RAW files contain the camera's own JPEG in full size, which is the picture as the photographer knows it. If that JPEG is
large enough, it is used. Otherwise the sensor's data is developed, with the camera's white balance and the JPEG's brightness.

LibRaw and NumPy are imported with the first RAW file, because they cost 20 MB and a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageStat

from processing.pipeline import error_mapping, errors, memory_limits, orientation
from processing.pipeline.colour import cicp
from processing.pipeline.formats.jpeg import scans
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import camera_raw
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits

LARGE_EDGE = 2560
SMALL_EDGE = 1024
"""The minimum size of a preview that is used if LibRaw cannot develop the sensor's data. Smaller previews are thumbnails."""
WHOLE_SHARE = 0.9
"""The share of the sensor's length from which a camera's JPEG counts as the whole picture. It lacks the sensor's edges."""
BASELINE_EXPOSURE = 50730
MAX_STOPS = 4
PROBE_EDGE = 256
# LibRaw's codes of the sensor's rotation: 180°, 90° to the left, and 90° to the right.
TURNS = {3: orientation.TURNS[3], 5: orientation.TURNS[8], 6: orientation.TURNS[6]}

PREVIEW = Note("raw-preview", "Shows the JPEG that the camera embedded in the RAW file.")
DEVELOPED = Note("raw-developed", "Rendered from the RAW data with the camera's white balance.")


@dataclass(frozen=True, slots=True)
class Sensor:
    size: tuple[int, int]
    turn: Image.Transpose | None

    @property
    def upright(self) -> tuple[int, int]:
        return self.size[::-1] if orientation.swaps_sides(self.turn) else self.size


def open_picture(file: BinaryIO, source: Path, kind: str, bounds: Limits) -> OpenedPicture:
    """The camera's JPEG, not decoded yet, or the developed picture."""
    with _read(source, kind) as raw:
        sensor = Sensor((int(raw.sizes.width), int(raw.sizes.height)), TURNS.get(raw.sizes.flip))
        memory_limits.check_raw(sensor.size, bounds)
        preview = _preview(raw)
        blocks = camera_raw.read(file, kind, preview)
        if preview and max(preview.size) >= min(LARGE_EDGE, WHOLE_SHARE * max(sensor.size)):
            return _from_preview(preview, sensor, OpenedPicture(preview, kind, blocks, notes=(PREVIEW,)), bounds)
        try:
            image = _developed(raw, kind, preview, blocks, bounds)
        except errors.UnsupportedRaw:
            if preview is None or max(preview.size) < SMALL_EDGE:
                raise
            return _from_preview(
                preview, sensor, OpenedPicture(preview, kind, blocks, notes=(_small_preview_note(preview),)), bounds
            )
        return OpenedPicture(image, kind, blocks, sensor.turn, upright=sensor.upright, notes=(DEVELOPED,))


@contextmanager
def _read(source: Path, kind: str) -> Iterator[Any]:
    import rawpy

    raw = rawpy.RawPy()
    try:
        with _translated_errors(kind):
            raw.open_file(str(source))
        yield raw
    finally:
        raw.close()


@contextmanager
def _translated_errors(kind: str, memory: int = 0) -> Iterator[None]:
    """Translates LibRaw's exceptions. Data that it cannot read raises UnsupportedRaw, because that is no damage."""
    import rawpy

    with error_mapping.file_errors(memory):
        try:
            yield
        except rawpy.LibRawUnsufficientMemoryError as error:
            raise MemoryError from error
        except rawpy.LibRawIOError as error:
            raise errors.Truncated from error
        except (rawpy.LibRawNonFatalError, rawpy.NotSupportedError) as error:
            raise errors.UnsupportedRaw(kind) from error


def _preview(raw: Any) -> Image.Image | None:
    """The largest JPEG in the file, with its header read; None if there is none or it is damaged."""
    import rawpy

    try:
        thumbnail = raw.extract_thumb()
        if thumbnail.format != rawpy.ThumbFormat.JPEG:
            return None
        scans.check_scans(thumbnail.data)
        image = Image.open(BytesIO(thumbnail.data), formats=("JPEG",))
    except (rawpy.LibRawError, rawpy.NotSupportedError, errors.ImageRejected, OSError, ValueError, SyntaxError):
        return None
    return image


def _from_preview(preview: Image.Image, sensor: Sensor, opened_preview: OpenedPicture, bounds: Limits) -> OpenedPicture:
    memory_limits.check_picture(preview, bounds)
    is_whole = max(preview.size) >= WHOLE_SHARE * max(sensor.size)
    return replace(opened_preview, turn=_preview_turn(preview, sensor), upright=None if is_whole else sensor.upright)


def _preview_turn(preview: Image.Image, sensor: Sensor) -> Image.Transpose | None:
    """The preview's rotation. Most cameras store it in the sensor's orientation; some rotate it, which its shape shows.

    The preview's orientation tag is not reliable, because LibRaw adds the sensor's if it is missing.
    """
    is_turned = orientation.swaps_sides(sensor.turn) and _is_wide(preview.size) != _is_wide(sensor.size)
    return None if is_turned else sensor.turn


def _is_wide(size: tuple[int, int]) -> bool:
    return size[0] > size[1]


def _developed(raw: Any, kind: str, preview: Image.Image | None, blocks: Blocks, bounds: Limits) -> Image.Image:
    """The developed picture, at half the sensor's size if that suffices: then four cells make a pixel, without interpolation."""
    size = int(raw.sizes.width), int(raw.sizes.height)
    memory_limits.check_memory(memory_limits.raw_memory(size, is_half=True), bounds)
    with _translated_errors(kind):
        raw.unpack()
    is_half = _is_bayer(raw) and max(size) >= 2 * LARGE_EDGE
    memory = memory_limits.raw_memory(size, is_half=is_half)
    memory_limits.check_memory(memory, bounds)
    options: dict[str, Any] = {"half_size": is_half, "use_camera_wb": True, "user_flip": 0, "gamma": (2.4, 12.92)}
    options |= {"no_auto_bright": preview is not None or kind == "DNG", "bright": _baseline_factor(blocks)}
    with _translated_errors(kind, memory):
        image = Image.fromarray(raw.postprocess(**options))
        if preview and (factor := _brightness_factor(image, preview)):
            del image
            image = Image.fromarray(raw.postprocess(**options | {"bright": options["bright"] * factor}))
    return image


def _is_bayer(raw: Any) -> bool:
    pattern = raw.raw_pattern
    return pattern is not None and pattern.shape == (2, 2)


def _baseline_factor(blocks: Blocks) -> float:
    """The factor of brightness from a DNG's BaselineExposure; 1.0 without it or if it is invalid."""
    try:
        exposure = float(blocks.main.get(BASELINE_EXPOSURE, 0))
    except (TypeError, ValueError, ZeroDivisionError):
        return 1.0
    return float(2.0**exposure) if abs(exposure) <= MAX_STOPS else 1.0


def _brightness_factor(image: Image.Image, preview: Image.Image) -> float | None:
    """The factor that makes the image's median light that of the preview; None if the difference is not visible or too large."""
    preview.draft("L", (PROBE_EDGE, PROBE_EDGE))
    developed_light, preview_light = (
        cicp.srgb(ImageStat.Stat(_small_grey(picture)).median[0] / 255) for picture in (image, preview)
    )
    factor = preview_light / developed_light if developed_light and preview_light else 1.0
    return factor if 1.07 < max(factor, 1 / factor) < 2.0**MAX_STOPS else None


def _small_grey(image: Image.Image) -> Image.Image:
    return image.convert("L").resize((PROBE_EDGE, PROBE_EDGE), Image.Resampling.BOX)


def _small_preview_note(preview: Image.Image) -> Note:
    message = f"This RAW format is not supported. Shows its embedded JPEG ({preview.width} x {preview.height} pixels)."
    return Note("raw-small-preview", message)
