"""What an ICC profile of a screen or a grey scale says (ICC.1:2022): its tone curves and its colours, as numbers.

lcms through Pillow takes eight bits a sample only; with these, sixteen bits and floating point go the same way.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from processing.pipeline.colour import cicp

MOST_TAGS, MOST_POINTS = 200, 65_536
PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
Samples = np.ndarray[Any, Any]
"""32-bit floating point."""
# From the profiles' XYZ to linear sRGB.
FROM_XYZ = cicp.inverse(cicp.to_d50(cicp.SRGB))


class NotOfThisKind(Exception):
    """A profile with tables, of inks, or broken: lcms may know what to do with it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A curve for each channel (65,536 values from 0 to 1), and the way from their light to linear sRGB."""

    curves: tuple[Samples, ...]
    matrix: Samples | None


def parsed(content: bytes) -> Profile:
    try:
        tags = _tags(content)
        if any(name.startswith((b"A2B", b"D2B")) for name in tags):
            raise NotOfThisKind
        if content[16:20] == b"GRAY":
            return Profile((_curve(tags[b"kTRC"]),), None)
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, struct.error, IndexError, ValueError, OverflowError) as error:
        raise NotOfThisKind from error
    matrix = np.array(FROM_XYZ) @ (np.array(columns).T / 65536)
    return Profile(curves, matrix.astype(np.float32))


def srgb() -> Profile:
    return Profile((_of(cicp.srgb),) * 3, None)


def linear() -> Profile:
    return Profile((_of(lambda value: value),) * 3, None)


def _tags(content: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", content, 128)
    entries = [struct.unpack_from(">4sII", content, 132 + 12 * nth) for nth in range(min(count, MOST_TAGS))]
    return {name: content[at : at + size] for name, at, size in entries}


def _curve(tag: bytes) -> Samples:
    places = np.linspace(0, 1, 65_536)
    kind, count = tag[:4], struct.unpack_from(">I", tag, 8)[0]
    if kind == b"para":
        return _parametric(places, tag)
    if kind != b"curv" or count > MOST_POINTS:
        raise NotOfThisKind
    if count == 0:
        return places.astype(np.float32)
    points = np.array(struct.unpack_from(f">{count}H", tag, 12))
    values: Samples = (
        np.interp(places, np.linspace(0, 1, count), points / 65535) if count > 1 else places ** (points[0] / 256)
    )
    return values.astype(np.float32)


def _parametric(places: Any, tag: bytes) -> Samples:
    """10.18: a power, from `d` on; a straight line below. What a kind leaves out is its neutral value."""
    kind = struct.unpack_from(">H", tag, 8)[0]
    given = [value / 65536 for value in struct.unpack_from(f">{PARAMETERS[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = _filled(kind, given)
    with np.errstate(invalid="ignore"):
        values = np.where(places >= d, np.maximum(a * places + b, 0) ** gamma + e, c * places + f)
    kept: Samples = np.clip(np.nan_to_num(values), 0, 1)
    return kept.astype(np.float32)


def _filled(kind: int, given: list[float]) -> tuple[float, ...]:
    gamma, a, b = [*given, 1.0, 0.0][:3] if kind == 0 else given[:3]
    if kind in (1, 2):
        offset = given[3] if kind == 2 else 0.0
        return gamma, a, b, 0.0, -b / a if a else 0.0, offset, offset
    if kind in (3, 4):
        return gamma, a, b, given[3], given[4], *(given[5:] or (0.0, 0.0))
    return gamma, a, b, 0.0, -1.0, 0.0, 0.0


def _of(curve: cicp.Curve) -> Samples:
    coarse = np.linspace(0, 1, 4096)
    values = np.array([curve(float(value)) for value in coarse])
    fine: Samples = np.interp(np.linspace(0, 1, 65_536), coarse, values)
    return fine.astype(np.float32)
