"""A file that is open: the picture in it, its pixels mostly still undecoded, and what was learned on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from processing.pipeline.metadata.blocks import Blocks
from processing.pipeline.picture import Note


@dataclass(frozen=True, slots=True)
class Opened:
    """`turn` makes the image upright. `upright` is the original's size where the image is a smaller one of it."""

    image: Image.Image
    format: str
    blocks: Blocks
    turn: Image.Transpose | None = None
    source: Path | None = None
    """The file that the image is decoded from, if it is one by itself and not a part of it."""
    frames: int = 1
    """Of an animation that is to stay one."""
    is_deep: bool = False
    """It has sixteen bits a sample, and there is memory to make use of them."""
    upright: tuple[int, int] | None = None
    notes: tuple[Note, ...] = ()
