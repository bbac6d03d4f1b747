"""Parses tone curves and primaries of ICC profiles for displays and grey scales (ICC.1:2022).

Pillow's lcms supports only eight bits per sample; this module is for 16-bit and floating-point samples.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from processing.pipeline.colour import cicp

MAX_TAGS, MAX_POINTS = 200, 65_536
PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
Samples = np.ndarray[Any, Any]
"""32-bit floating point."""
# The matrix from a profile's XYZ to linear sRGB.
FROM_XYZ = cicp.inverse(cicp.to_d50(cicp.SRGB))


class UnsupportedProfile(Exception):
    """The profile has lookup tables, is not RGB or grey, or is broken. lcms may still support it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A curve for each channel (65,536 values from 0 to 1), and the matrix from linear light to linear sRGB."""

    curves: tuple[Samples, ...]
    matrix: Samples | None


def parse(content: bytes) -> Profile:
    try:
        tags = _tags(content)
        if any(name.startswith((b"A2B", b"D2B")) for name in tags):
            raise UnsupportedProfile
        if content[16:20] == b"GRAY":
            return Profile((_curve(tags[b"kTRC"]),), None)
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, IndexError, ValueError, OverflowError) as error:
        raise UnsupportedProfile from error
    matrix = np.array(FROM_XYZ) @ (np.array(columns).T / 65536)
    return Profile(curves, matrix.astype(np.float32))


def srgb() -> Profile:
    return Profile((_sampled(cicp.srgb),) * 3, None)


def linear() -> Profile:
    return Profile((_sampled(lambda value: value),) * 3, None)


def _tags(content: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", content, 128)
    entries = [struct.unpack_from(">4sII", content, 132 + 12 * index) for index in range(min(count, MAX_TAGS))]
    return {name: content[offset : offset + size] for name, offset, size in entries}


def _curve(tag: bytes) -> Samples:
    inputs = np.linspace(0, 1, 65_536)
    kind, count = tag[:4], struct.unpack_from(">I", tag, 8)[0]
    if kind == b"para":
        return _parametric(inputs, tag)
    if kind != b"curv" or count > MAX_POINTS:
        raise UnsupportedProfile
    if count == 0:
        return inputs.astype(np.float32)
    points = np.array(struct.unpack_from(f">{count}H", tag, 12))
    values: Samples = (
        np.interp(inputs, np.linspace(0, 1, count), points / 65535) if count > 1 else inputs ** (points[0] / 256)
    )
    return values.astype(np.float32)


def _parametric(inputs: Any, tag: bytes) -> Samples:
    """A power function from `d` on and a linear one below (10.18). Parameters that a function type lacks are neutral."""
    kind = struct.unpack_from(">H", tag, 8)[0]
    stored = [value / 65536 for value in struct.unpack_from(f">{PARAMETERS[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = _with_defaults(kind, stored)
    with np.errstate(invalid="ignore"):
        values = np.where(inputs >= d, np.maximum(a * inputs + b, 0) ** gamma + e, c * inputs + f)
    clipped: Samples = np.clip(np.nan_to_num(values), 0, 1)
    return clipped.astype(np.float32)


def _with_defaults(kind: int, stored: list[float]) -> tuple[float, ...]:
    """Returns gamma and `a` to `f` of a parametric curve."""
    gamma, a, b = [*stored, 1.0, 0.0][:3] if kind == 0 else stored[:3]
    if kind in (1, 2):
        offset = stored[3] if kind == 2 else 0.0
        return gamma, a, b, 0.0, -b / a if a else 0.0, offset, offset
    if kind in (3, 4):
        return gamma, a, b, stored[3], stored[4], *(stored[5:] or (0.0, 0.0))
    return gamma, a, b, 0.0, -1.0, 0.0, 0.0


def _sampled(curve: cicp.Curve) -> Samples:
    coarse = np.linspace(0, 1, 4096)
    values = np.array([curve(float(value)) for value in coarse])
    fine: Samples = np.interp(np.linspace(0, 1, 65_536), coarse, values)
    return fine.astype(np.float32)
