"""Makes ICC profiles for colour spaces that a file identifies by code points, so that lcms can convert them like any other.

Code points are those of ITU-T H.273 (CICP), which HEIF, AVIF and PNG use.

HDR (PQ, HLG) is tone mapped to SDR by a shoulder in the curve. Light up to a little below paper white (203 cd/m², ITU-R BT.2408)
is unchanged. Above that, up to 1000 cd/m², it is rolled off in each channel separately, like film.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

Primaries = tuple[tuple[float, float], ...]
Matrix = tuple[tuple[float, ...], ...]
Curve = Callable[[float], float]

D65, DCI_WHITE = (0.3127, 0.3290), (0.314, 0.351)
D50 = (0.9642, 1.0, 0.8249)
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65)
ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060), D65)
PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI_WHITE),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
GAMMA_22, GAMMA_28, LINEAR, PQ, HLG = 4, 5, 8, 16, 18
HDR = (PQ, HLG)
PAPER_WHITE, PEAK = 203.0, 1000.0
SHOULDER = 0.6
POINTS = 4096
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


@lru_cache(maxsize=16)
def profile(primaries: int, transfer: int) -> bytes | None:
    """Returns the space as an ICC profile; None if it is sRGB, or unknown and so treated as sRGB."""
    if primaries not in PRIMARIES or (primaries == 1 and transfer not in CURVES):
        return None
    # BT.709's own curve is for cameras; its pictures are made for screens with sRGB's curve or a similar one.
    return _icc(PRIMARIES[primaries], CURVES.get(transfer, srgb))


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    """Returns the profile of EXIF's interoperability index R03 (DCF 2.0)."""
    return _icc(ADOBE_RGB, lambda value: value ** (563 / 256))


def srgb(value: float) -> float:
    """Linear light of an sRGB value, both from 0 to 1 (IEC 61966-2-1)."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def tone_mapped(light: float, peak: float) -> float:
    """Maps light from 0 to `peak` (1 is paper white) to at most 1, with a smooth curve."""
    if light <= SHOULDER:
        return light
    range_above = 1 - SHOULDER
    above, max_above = (light - SHOULDER) / range_above, (peak - SHOULDER) / range_above
    return min(1.0, SHOULDER + range_above * above * (1 + above * (1 / max_above**2)) / (1 + above))


def multiply(left: Matrix, right: Matrix) -> Matrix:
    return tuple(
        tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*right, strict=True))
        for row in left
    )


def inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    determinant = a * adjugate[0][0] + b * adjugate[1][0] + c * adjugate[2][0]
    return tuple(tuple(value / determinant for value in row) for row in adjugate)


def to_d50(primaries: Primaries) -> Matrix:
    """Returns the matrix from linear RGB to ICC's XYZ, adapted to D50 with the Bradford transform."""
    columns = tuple(_xyz(point) for point in primaries[:3])
    white = _xyz(primaries[3])
    unscaled = tuple(zip(*columns, strict=True))
    amounts = _applied(inverse(unscaled), white)
    scaled = tuple(tuple(value * amount for value, amount in zip(row, amounts, strict=True)) for row in unscaled)
    source_cone, target_cone = _applied(BRADFORD, white), _applied(BRADFORD, D50)
    gains = tuple(tuple(target_cone[n] / source_cone[n] if n == m else 0.0 for m in range(3)) for n in range(3))
    return multiply(multiply(inverse(BRADFORD), multiply(gains, BRADFORD)), scaled)


def _xyz(point: tuple[float, float]) -> tuple[float, float, float]:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _applied(matrix: Matrix, vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _pq(value: float) -> float:
    """The PQ curve (SMPTE ST 2084), tone mapped."""
    root = value ** (1 / 78.84375)
    light = 10_000 * (max(root - 0.8359375, 0.0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    return tone_mapped(min(light, PEAK) / PAPER_WHITE, PEAK / PAPER_WHITE)


def _hlg(value: float) -> float:
    """The HLG curve (ARIB STD-B67) for a 1000 cd/m² display (system gamma 1.2), tone mapped."""
    scene = (
        value * value / 3 if value <= 0.5 else (2.718281828 ** ((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    return tone_mapped(min(scene, 1.0) ** 1.2 * PEAK / PAPER_WHITE, PEAK / PAPER_WHITE)


CURVES: dict[int, Curve] = {
    GAMMA_22: lambda value: value**2.2,
    GAMMA_28: lambda value: value**2.8,
    LINEAR: lambda value: value,
    PQ: _pq,
    HLG: _hlg,
}


def _icc(primaries: Primaries, curve: Curve) -> bytes:
    """Returns a minimal display profile (ICC.1:2001-04) with three primaries and one curve for all channels."""
    table = struct.pack(f">{POINTS}H", *(round(65535 * curve(n / (POINTS - 1))) for n in range(POINTS)))
    curve_tag = b"curv\0\0\0\0" + struct.pack(">I", POINTS) + table
    colours = [_xyz_tag(column) for column in zip(*to_d50(primaries), strict=True)]
    body_offset = 128 + 4 + 12 * 7
    entries, body = [], b""
    for name, content in zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), (_xyz_tag(D50), *colours), strict=True):
        entries.append((name, body_offset + len(body), len(content)))
        body += content
    entries += [(name, body_offset + len(body), len(curve_tag)) for name in (b"rTRC", b"gTRC", b"bTRC")]
    tags = struct.pack(">I", 7) + b"".join(struct.pack(">4sII", *entry) for entry in entries)
    length = 128 + len(tags) + len(body) + len(curve_tag)
    head = struct.pack(">I4sI4s4s4s", length, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ").ljust(36, b"\0")
    head += b"acsp" + bytes(28) + _fixed(D50)
    return head.ljust(128, b"\0") + tags + body + curve_tag


def _xyz_tag(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(values)


def _fixed(values: tuple[float, ...]) -> bytes:
    return struct.pack(">3i", *(round(65536 * value) for value in values))
