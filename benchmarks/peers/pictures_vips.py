"""libvips by pyvips: one decode and a chain, at our efforts. Arguments: OUT, photos. Writes OUT/NUMBER/EDGE.webp."""

import sys
from pathlib import Path

import pyvips

RUNGS = ((2560, 82, 2), (1600, 82, 2), (800, 80, 2), (400, 80, 2))

out, *photos = sys.argv[1:]
for number, photo in enumerate(photos):
    to = Path(out) / str(number)
    to.mkdir(parents=True, exist_ok=True)
    image = pyvips.Image.thumbnail(photo, 2560, height=2560, size="down", export_profile="srgb").copy_memory()
    for edge, quality, effort in RUNGS:
        image = image.thumbnail_image(edge, height=edge, size="down").copy_memory()
        image.webpsave(str(to / f"{edge}.webp"), Q=quality, effort=effort, keep="none")
