"""What the pipeline makes of a picture, and what it refuses to touch, as plain values."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MEGA = 1_000_000
MEBI = 1024 * 1024
HARDLY_SMALLER = 0.9


@dataclass(frozen=True, slots=True)
class Rung:
    """One size of the ladder: its long edge in pixels, and WebP's quality (0-100) and effort (0-6)."""

    edge: int
    quality: int
    method: int


@dataclass(frozen=True, slots=True)
class Avif:
    """What AVIF is to be like beside WebP: its quality (0-100) and speed (0-10)."""

    # Measured: at speed 9 it scores as WebP does at 0.8 of its bytes, for up to 1.6 times its CPU.
    quality: int = 60
    speed: int = 9


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be decoded, judged from the header alone.

    A JPEG may be larger than the rest because it is decoded at a fraction of its size, though not below the largest rendition's
    edge. The rest is judged by the memory it takes; its limit of pixels only stops what no camera makes. An animation with more
    frames, or more pixels in all of them, shows its first. `memory_bytes` is the memory that the process may use; None means that
    nobody limits it.
    """

    jpeg_pixels: int = 400 * MEGA
    other_pixels: int = 250 * MEGA
    raw_pixels: int = 200 * MEGA
    edge: int = 65_535
    animation_frames: int = 500
    animation_pixels: int = 100 * MEGA
    swallowed_bytes: int = 128 * MEBI
    largest_edge: int = 2560
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Raise `version` whenever the same file would come out differently."""

    version: int = 5
    # Measured: effort 2 costs 45 % of effort 4's CPU for 3 to 7 % more bytes, effort 1 73 % of effort 2's for 11 % more.
    rungs: tuple[Rung, ...] = (Rung(2560, 84, 2), Rung(1600, 84, 2), Rung(800, 80, 2), Rung(400, 80, 2))
    avif: Avif | None = None
    placeholder_edge: int = 16
    limits: Limits = field(default_factory=Limits)

    @property
    def mark(self) -> str:
        """Tells what different recipes make apart: the version, and a fingerprint of what is set otherwise than by default."""
        usual = asdict(Recipe())
        unusual = {name: value for name, value in asdict(self).items() if name != "limits" and value != usual[name]}
        if not unusual:
            return str(self.version)
        return f"{self.version}-{hashlib.sha256(json.dumps(unusual, sort_keys=True).encode()).hexdigest()[:12]}"

    def fitting(self, size: tuple[int, int]) -> tuple[Rung, ...]:
        """The rungs of a picture of that size, largest first; none enlarges it.

        One that is smaller than the largest rung has its own size as the largest, made as the next larger rung is. Rungs that are
        hardly smaller than that are left out. The smallest rung stands for itself and for what is smaller still.
        """
        ladder, own = sorted(self.rungs, key=lambda rung: rung.edge, reverse=True), max(size)
        larger = [rung for rung in ladder if rung.edge >= own]
        if not larger or own <= ladder[-1].edge:
            return tuple(larger[-1:] or ladder)
        return (replace(larger[-1], edge=own), *(rung for rung in ladder if rung.edge <= HARDLY_SMALLER * own))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        rungs = tuple(Rung(**rung) for rung in values["rungs"])
        avif = Avif(**values["avif"]) if values["avif"] else None
        return cls(**{**values, "rungs": rungs, "avif": avif, "limits": Limits(**values["limits"])})


def fitted(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """The size with that long edge and the same shape, never larger than it was."""
    longest = max(size)
    if longest <= edge:
        return size
    width, height = (max(1, round(side * edge / longest)) for side in size)
    return width, height


DEFAULT = Recipe()
