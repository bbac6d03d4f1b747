"""Encodes linear light as sRGB: the inverse of cicp.srgb()."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from processing.pipeline.colour import cicp

FULL = 65535
ROWS = 256
"""Rows to encode at a time, which limits the memory."""


def encode(light: Any) -> Any:
    """Returns linear light from 0 to 1 as 8-bit sRGB; other values are clipped."""
    steps = np.clip(light * np.float32(FULL) + np.float32(0.5), 0, FULL).astype(np.uint16)
    return _encoding()[steps]


@lru_cache(maxsize=1)
def _encoding() -> Any:
    """Returns the value for each step of light: the number of values whose upper limit, half a step above them, it reaches."""
    limits = [cicp.srgb((value + 0.5) / 255) for value in range(255)]
    return np.searchsorted(limits, np.linspace(0, 1, FULL + 1), side="right").astype(np.uint8)
