"""Settings of the pipeline: the renditions to make and the limits for pictures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MEGA = 1_000_000
MEBI = 1024 * 1024
MAX_EDGE_RATIO = 0.9
"""Of a rung's edge to the largest rendition's: a rung that is hardly smaller is left out."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rendition size: its long edge in pixels, and WebP's quality (0-100) and effort (0-6)."""

    edge: int
    quality: int
    method: int


@dataclass(frozen=True, slots=True)
class Avif:
    """The quality (0-100) and speed (0-10) of the AVIF files, which are made in addition to WebP."""

    # Measured: at speed 9 AVIF scores like WebP with 0.8 of its bytes and up to 1.6 times its CPU.
    quality: int = 60
    speed: int = 9


BUFFERED_KEY = "swallowed_bytes"
"""The key of `Limits.max_buffered_bytes` in JSON."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the pictures to decode, checked against the header alone.

    JPEGs may be larger than other formats, because they are decoded at a fraction of their size, though not below the largest
    rendition's edge. Other formats are limited by the memory that they take; their pixel limit only stops pictures that no camera
    makes. An animation with more frames, or with more pixels in all frames, becomes a still of its first frame.
    `max_buffered_bytes` is the largest file that is read into memory as a whole, by formats whose decoder needs that.
    `memory_bytes` is the memory that the process may use; None means unlimited.
    """

    jpeg_pixels: int = 400 * MEGA
    other_pixels: int = 250 * MEGA
    raw_pixels: int = 200 * MEGA
    edge: int = 65_535
    animation_frames: int = 500
    animation_pixels: int = 100 * MEGA
    max_buffered_bytes: int = 128 * MEBI
    largest_edge: int = 2560
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make of a picture. Increase `version` whenever the output for the same file changes."""

    version: int = 6
    # Measured: effort 2 costs 45 % of effort 4's CPU for 3 to 7 % more bytes, effort 1 73 % of effort 2's for 11 % more.
    rungs: tuple[Rung, ...] = (Rung(2560, 84, 2), Rung(1600, 84, 2), Rung(800, 80, 2), Rung(400, 80, 2))
    avif: Avif | None = None
    # Not part of `version`: larger placeholders of earlier versions are as good.
    placeholder_edge: int = 8
    limits: Limits = field(default_factory=Limits)

    @property
    def identifier(self) -> str:
        """Identifies the recipe's output: the version, with a hash of the settings (except limits) that are not the defaults."""
        defaults = asdict(Recipe())
        changed = {name: value for name, value in asdict(self).items() if name != "limits" and value != defaults[name]}
        if not changed:
            return str(self.version)
        return f"{self.version}-{hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:12]}"

    def rungs_for(self, size: tuple[int, int]) -> tuple[Rung, ...]:
        """Returns the rungs for a picture of that size, largest first. None enlarges the picture.

        If the picture is smaller than the largest rung, its own size is the first, with the settings of the next larger rung.
        Rungs above MAX_EDGE_RATIO of that size are left out. A picture no larger than the smallest rung gets only that rung.
        """
        ladder, long_edge = sorted(self.rungs, key=lambda rung: rung.edge, reverse=True), max(size)
        larger = [rung for rung in ladder if rung.edge >= long_edge]
        if not larger or long_edge <= ladder[-1].edge:
            return tuple(larger[-1:] or ladder)
        return (
            replace(larger[-1], edge=long_edge),
            *(rung for rung in ladder if rung.edge <= MAX_EDGE_RATIO * long_edge),
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the recipe for the child process. Keep its keys: a worker of an earlier version may start this child."""
        values = asdict(self)
        values["limits"][BUFFERED_KEY] = values["limits"].pop("max_buffered_bytes")
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        rungs = tuple(Rung(**rung) for rung in values["rungs"])
        avif = Avif(**values["avif"]) if values["avif"] else None
        limits = {
            "max_buffered_bytes" if name == BUFFERED_KEY else name: limit for name, limit in values["limits"].items()
        }
        return cls(**{**values, "rungs": rungs, "avif": avif, "limits": Limits(**limits)})


def scaled_size(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """Returns `size` scaled down to that long edge; never enlarged."""
    long_edge = max(size)
    if long_edge <= edge:
        return size
    width, height = (max(1, round(side * edge / long_edge)) for side in size)
    return width, height


DEFAULT = Recipe()
