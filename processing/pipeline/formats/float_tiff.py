"""Opens TIFFs with floating-point samples, which HDR programs write: light without an upper limit.

Pillow reads only grey ones, so `tiff_samples` reads them. Samples are linear light unless the file has a profile. Light brighter
than 1 is toned down like in any HDR picture (see `cicp`).
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Directory

from processing.pipeline import errors, memory_limits, orientation
from processing.pipeline.colour import cicp, convert, icc, srgb_encoding
from processing.pipeline.containers import tiff_compression, tiff_samples
from processing.pipeline.containers.tiff_samples import Samples
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import camera_raw
from processing.pipeline.recipe import Limits

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
BYTES_PER_PIXEL = 20
MAX_PROBES = 1_000_000
SCENE_PEAK = 64.0
"""If the peak is higher, samples are not relative to paper white but on another scale, and are divided by the peak."""


def open_picture(file: BinaryIO, bounds: Limits) -> OpenedPicture:
    directory = _directory(file)
    size = int(directory[tiff_samples.WIDTH]), int(directory[tiff_samples.HEIGHT])
    for shape in (size, tiff_samples.part_size(directory)):  # a tile may be declared larger than the picture
        memory_limits.check_float_tiff(shape, BYTES_PER_PIXEL, bounds)
    image = _shown(_samples(file, directory), directory)
    turn = orientation.TURNS.get(int(directory.get(tiff_samples.ORIENTATION, 1)))
    return OpenedPicture(image, "TIFF", camera_raw.of_tiff(file), turn)


def _directory(file: BinaryIO) -> Directory:
    directory = tiff_samples.directory(file)
    bits, compression = (
        set(directory[tiff_samples.BITS]),
        directory.get(tiff_samples.COMPRESSION, tiff_compression.NONE),
    )
    if bits not in ({16}, {32}) or directory.get(tiff_samples.CHANNELS, 1) not in (1, 3, 4):
        raise errors.UnsupportedDepth("floating-point numbers of an unusual kind")
    if directory.get(tiff_samples.PHOTOMETRIC, BLACK_IS_ZERO) not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        raise errors.UnsupportedDepth("floating-point numbers that are no red, green and blue")
    if compression not in tiff_compression.SUPPORTED:
        raise errors.UnsupportedDepth("floating-point numbers in a packing that is neither ZIP nor LZW")
    return directory


def _samples(file: BinaryIO, directory: Directory) -> Samples:
    """The samples; 0 for NaN and infinities, inverted if white is zero."""
    samples = tiff_samples.read(file, directory, "f")
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return samples.max() - samples if directory.get(tiff_samples.PHOTOMETRIC) == WHITE_IS_ZERO else samples


def _shown(samples: Samples, directory: Directory) -> Image.Image:
    colours = samples[..., :3] if samples.shape[2] >= 3 else samples[..., 0]
    profile, peak = _profile(directory, colours.ndim), _peak(colours)
    shown = np.empty(colours.shape, np.uint8)
    for top in range(0, len(shown), srgb_encoding.ROWS):
        light = _light(colours[top : top + srgb_encoding.ROWS], profile)
        shown[top : top + srgb_encoding.ROWS] = srgb_encoding.encode(_toned(light, peak))
    image = Image.fromarray(shown)
    if samples.shape[2] == 4:
        image.putalpha(Image.fromarray(np.round(np.clip(samples[..., 3], 0, 1) * 255).astype(np.uint8)))
    return image


def _profile(directory: Directory, dimensions: int) -> icc.Profile | None:
    content = directory.get(tiff_samples.PROFILE)
    try:
        profile = icc.parse(content) if convert.is_profile(content) else None
    except icc.UnsupportedProfile:
        return None
    return profile if profile and (profile.matrix is None) == (dimensions == 2) else None


def _light(samples: Samples, profile: icc.Profile | None) -> Samples:
    """Linear sRGB. A profile's curves end at 1; samples above 1 are linear already."""
    if profile is None:
        return samples
    positions = np.linspace(0, 1, profile.curves[0].size)
    channels = np.atleast_3d(samples)
    linear = [np.interp(channels[..., n], positions, curve) for n, curve in enumerate(profile.curves)]
    light = np.where(channels > 1, channels, np.stack(linear, -1))
    return light @ profile.matrix.T if profile.matrix is not None else light[..., 0]


def _peak(colours: Samples) -> float:
    """The 99.9th percentile of light. Reflections and defective cells may be brighter."""
    flat = colours.reshape(-1)
    return float(np.percentile(flat[:: max(1, flat.size // MAX_PROBES)], 99.9))


def _toned(light: Samples, peak: float) -> Samples:
    if peak > SCENE_PEAK:
        light, peak = light / np.float32(peak), 1.0
    if peak <= 1:
        return light
    positions = np.linspace(0, np.sqrt(peak), cicp.POINTS) ** 2
    tones = [cicp.tone_mapped(float(position), peak) for position in positions]
    return np.interp(light, positions, tones).astype(np.float32)
