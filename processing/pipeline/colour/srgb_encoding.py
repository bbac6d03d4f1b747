"""Encodes linear light as sRGB (IEC 61966-2-1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

FULL = 65535
ROWS = 256
"""Rows to encode at a time, which limits the memory."""


def encoded(light: Any) -> Any:
    """Returns linear light from 0 to 1 as 8-bit sRGB; other values are clipped."""
    steps = np.clip(light * np.float32(FULL) + np.float32(0.5), 0, FULL).astype(np.uint16)
    return _encoding()[steps]


@lru_cache(maxsize=1)
def _encoding() -> Any:
    light = np.linspace(0, 1, FULL + 1)
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(values * 255).astype(np.uint8)
