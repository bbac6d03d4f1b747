"""An opened file: its picture, usually not decoded yet, and its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """`turn` makes the image upright. `upright` is the upright size of the original if the image is smaller than that."""

    image: Image.Image
    format: str
    blocks: Blocks
    turn: Image.Transpose | None = None
    source: Path | None = None
    """The file that the image is decoded from; None if the image is only a part of the file."""
    frames: int = 1
    """The number of frames if the renditions are animated, otherwise 1."""
    is_high_bit_depth: bool = False
    """True if the image has 16 bits a sample, and there is enough memory to process them."""
    upright: tuple[int, int] | None = None
    notes: tuple[Note, ...] = ()
