"""Camera RAW, through LibRaw.

What a photographer knows as the picture is the camera's own JPEG, and most RAW files carry it in full size: it is shown where
it is large enough. Else the sensor's data are developed, with the camera's white balance and as bright as its preview.

LibRaw and NumPy are loaded by the first RAW file: 20 MB and a quarter of a second that other photos need not pay.
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
from processing.pipeline.formats.jpeg import scans
from processing.pipeline.formats.opened import Opened
from processing.pipeline.metadata import camera_raw
from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note
from processing.pipeline.recipe import Limits

LARGE_EDGE = 2560
SMALL_EDGE = 1024
"""Shown only when LibRaw cannot develop the sensor's data; below it, a preview is a thumbnail."""
NEARLY = 0.9
"""A camera's JPEG lacks the sensor's edges; with so much of its length it is the whole picture all the same."""
BASELINE_EXPOSURE = 50730
MOST_STOPS = 4
PROBE_EDGE = 256
# LibRaw's turns, which are the sensor's: 180°, and 90° to the left and to the right.
TURNS = {3: orientation.TURNS[3], 5: orientation.TURNS[8], 6: orientation.TURNS[6]}

PREVIEW = Note("raw-preview", "This is the camera's own JPEG, which lies inside the RAW file.")
DEVELOPED = Note("raw-developed", "Darkroom developed this from the sensor's data, with the camera's white balance.")


@dataclass(frozen=True, slots=True)
class Sensor:
    size: tuple[int, int]
    turn: Image.Transpose | None

    @property
    def upright(self) -> tuple[int, int]:
        return self.size[::-1] if orientation.swaps_sides(self.turn) else self.size


def opened(file: BinaryIO, source: Path, kind: str, bounds: Limits) -> Opened:
    """The camera's JPEG, still undecoded, or the developed picture."""
    with _read(source, kind) as raw:
        sensor = Sensor((int(raw.sizes.width), int(raw.sizes.height)), TURNS.get(raw.sizes.flip))
        memory_limits.check_raw(sensor.size, bounds)
        preview = _preview(raw)
        blocks = camera_raw.read(file, kind, preview)
        if preview and max(preview.size) >= min(LARGE_EDGE, NEARLY * max(sensor.size)):
            return _shown(preview, sensor, Opened(preview, kind, blocks, notes=(PREVIEW,)), bounds)
        try:
            image = _developed(raw, kind, preview, blocks, bounds)
        except errors.UnsupportedRaw:
            if preview is None or max(preview.size) < SMALL_EDGE:
                raise
            return _shown(preview, sensor, Opened(preview, kind, blocks, notes=(_small(preview),)), bounds)
        return Opened(image, kind, blocks, sensor.turn, upright=sensor.upright, notes=(DEVELOPED,))


@contextmanager
def _read(source: Path, kind: str) -> Iterator[Any]:
    import rawpy

    raw = rawpy.RawPy()
    try:
        with _errors(kind):
            raw.open_file(str(source))
        yield raw
    finally:
        raw.close()


@contextmanager
def _errors(kind: str, memory: int = 0) -> Iterator[None]:
    """LibRaw's words as ours: what it cannot read is no damage."""
    import rawpy

    with error_mapping.of_the_file(memory):
        try:
            yield
        except rawpy.LibRawUnsufficientMemoryError as error:
            raise MemoryError from error
        except rawpy.LibRawIOError as error:
            raise errors.Truncated from error
        except (rawpy.LibRawNonFatalError, rawpy.NotSupportedError) as error:
            raise errors.UnsupportedRaw(kind) from error


def _preview(raw: Any) -> Image.Image | None:
    """The largest JPEG inside, its header read; None when there is none, or a damaged one."""
    import rawpy

    try:
        found = raw.extract_thumb()
        if found.format != rawpy.ThumbFormat.JPEG:
            return None
        scans.check_data(found.data)
        image = Image.open(BytesIO(found.data), formats=("JPEG",))
    except (rawpy.LibRawError, rawpy.NotSupportedError, errors.Refused, OSError, ValueError, SyntaxError):
        return None
    return image


def _shown(preview: Image.Image, sensor: Sensor, found: Opened, bounds: Limits) -> Opened:
    memory_limits.check_picture(preview, bounds)
    is_whole = max(preview.size) >= NEARLY * max(sensor.size)
    return replace(found, turn=_turn_of(preview, sensor), upright=None if is_whole else sensor.upright)


def _turn_of(preview: Image.Image, sensor: Sensor) -> Image.Transpose | None:
    """Most cameras leave their preview as the sensor lies; some turn it, and then its shape is the other one.

    The preview's own tag tells nothing: where it has none, LibRaw adds the sensor's.
    """
    is_turned = orientation.swaps_sides(sensor.turn) and _is_wide(preview.size) != _is_wide(sensor.size)
    return None if is_turned else sensor.turn


def _is_wide(size: tuple[int, int]) -> bool:
    return size[0] > size[1]


def _developed(raw: Any, kind: str, preview: Image.Image | None, blocks: Blocks, bounds: Limits) -> Image.Image:
    """At half the sensor's size where that suffices: four cells are a pixel then, and nothing need be guessed."""
    size = int(raw.sizes.width), int(raw.sizes.height)
    memory_limits.check_memory(memory_limits.raw_memory(size, is_half=True), bounds)
    with _errors(kind):
        raw.unpack()
    is_half = _is_bayer(raw) and max(size) >= 2 * LARGE_EDGE
    memory = memory_limits.raw_memory(size, is_half=is_half)
    memory_limits.check_memory(memory, bounds)
    options: dict[str, Any] = {"half_size": is_half, "use_camera_wb": True, "user_flip": 0, "gamma": (2.4, 12.92)}
    options |= {"no_auto_bright": preview is not None or kind == "DNG", "bright": _baseline(blocks)}
    with _errors(kind, memory):
        image = Image.fromarray(raw.postprocess(**options))
        if preview and (brighter := _brighter(image, preview)):
            del image
            image = Image.fromarray(raw.postprocess(**options | {"bright": options["bright"] * brighter}))
    return image


def _is_bayer(raw: Any) -> bool:
    pattern = raw.raw_pattern
    return pattern is not None and pattern.shape == (2, 2)


def _baseline(blocks: Blocks) -> float:
    """A DNG says by how much its maker means it to be brighter."""
    try:
        exposure = float(blocks.main.get(BASELINE_EXPOSURE, 0))
    except (TypeError, ValueError, ZeroDivisionError):
        return 1.0
    return float(2.0**exposure) if abs(exposure) <= MOST_STOPS else 1.0


def _brighter(image: Image.Image, preview: Image.Image) -> float | None:
    """By how much more light its middle grey would be the preview's; None when that is no visible difference."""
    preview.draft("L", (PROBE_EDGE, PROBE_EDGE))
    ours, cameras = (_light(ImageStat.Stat(_small_grey(each)).median[0]) for each in (image, preview))
    factor = cameras / ours if ours and cameras else 1.0
    return factor if 1.07 < max(factor, 1 / factor) < 2.0**MOST_STOPS else None


def _small_grey(image: Image.Image) -> Image.Image:
    return image.convert("L").resize((PROBE_EDGE, PROBE_EDGE), Image.Resampling.BOX)


def _light(value: float) -> float:
    """sRGB's decoding (IEC 61966-2-1)."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _small(preview: Image.Image) -> Note:
    words = f"This camera's RAW data cannot be developed. Shown is its own JPEG of {preview.width} x {preview.height} pixels."
    return Note("raw-small-preview", words)
