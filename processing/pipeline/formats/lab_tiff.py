"""Opens TIFFs in CIE L*a*b*, which Pillow reads with at most eight bits a sample and does not convert to RGB.

L* ranges from 0 to 100, a* and b* from -128 to 128 (TIFF 6.0, section 23). ICC's encoding shifts a* and b* by half the range, and
its L* of 16 bits is 100 at 0xFF00 (TIFF Technical Note 4). The white point is D50, as in a profile.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image

from processing.pipeline import errors, memory_limits, orientation
from processing.pipeline.colour import cicp, icc, srgb_encoding
from processing.pipeline.containers import tiff_compression, tiff_samples
from processing.pipeline.containers.tiff_samples import Samples
from processing.pipeline.formats.opened import OpenedPicture
from processing.pipeline.metadata import camera_raw
from processing.pipeline.recipe import Limits

CIE_LAB = 8
BITS = ({8}, {16})
BYTES_PER_PIXEL = 24
EPSILON, KAPPA = 216 / 24389, 24389 / 27
"""CIE 15: the value below which a line replaces the cube root, and the slope of that line."""


def open_picture(file: BinaryIO, bounds: Limits) -> OpenedPicture:
    directory = tiff_samples.directory(file)
    size = int(directory[tiff_samples.WIDTH]), int(directory[tiff_samples.HEIGHT])
    channels, bits = int(directory.get(tiff_samples.CHANNELS, 1)), set(directory[tiff_samples.BITS])
    if channels not in (1, 3, 4) or bits not in BITS:
        raise errors.UnsupportedDepth("CIE L*a*b* of an unusual depth")
    if directory.get(tiff_samples.COMPRESSION, tiff_compression.NONE) not in tiff_compression.SUPPORTED:
        raise errors.UnsupportedDepth("CIE L*a*b* in a packing that is neither ZIP nor LZW")
    for shape in (size, tiff_samples.part_size(directory)):  # a tile may be declared larger than the picture
        memory_limits.check_float_tiff(shape, BYTES_PER_PIXEL, bounds)
    samples = tiff_samples.read(file, directory, "u")
    is_cie = directory.get(tiff_samples.PHOTOMETRIC) == CIE_LAB
    image = _shown(samples, bits.pop(), is_cie=is_cie)
    turn = orientation.TURNS.get(int(directory.get(tiff_samples.ORIENTATION, 1)))
    return OpenedPicture(image, "TIFF", camera_raw.of_tiff(file), turn)


def _shown(samples: Samples, bits: int, *, is_cie: bool) -> Image.Image:
    shown = np.empty((*samples.shape[:2], 3), np.uint8)
    for top in range(0, len(shown), srgb_encoding.ROWS):
        shown[top : top + srgb_encoding.ROWS] = srgb_encoding.encode(
            _light(_scaled(samples[top : top + srgb_encoding.ROWS], bits, is_cie=is_cie))
        )
    return Image.fromarray(shown)


def _scaled(samples: Samples, bits: int, *, is_cie: bool) -> Samples:
    """L* from 0 to 100, and a* and b* around 0, which are 0 for grey."""
    maximum, half, step = float(2**bits - 1), float(2 ** (bits - 1)), float(2 ** (bits - 8))
    lab = np.zeros((*samples.shape[:2], 3), np.float32)
    white = maximum if is_cie or bits == 8 else float(0xFF00)
    lab[..., 0] = samples[..., 0] * (100 / white)
    if samples.shape[2] >= 3:
        colours = samples[..., 1:3]
        signed = np.where(colours >= half, colours - 2 * half, colours) if is_cie else colours - half
        lab[..., 1:] = signed / step
    return lab


def _light(lab: Samples) -> Samples:
    """Linear sRGB (ICC.1:2022, annex D, and CIE 15)."""
    y = (lab[..., 0] + 16) / 116
    roots = np.stack((y + lab[..., 1] / 500, y, y - lab[..., 2] / 200), -1)
    cubes = roots**3
    xyz = np.where(cubes > EPSILON, cubes, (116 * roots - 16) / KAPPA) * np.array(cicp.D50)
    light: Samples = (xyz @ np.array(icc.FROM_XYZ).T).astype(np.float32)
    return light
