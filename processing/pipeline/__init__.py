"""Turns one file into upright sRGB WebP renditions and a description of the picture.

Nothing here may import Django, Huey or the rest of the project, so that it can
run in a child process with limits, or alone as `python -m processing.pipeline IN OUT/`.

The package itself loads no decoder: the worker, which only talks of pictures, stays 14 MB smaller.
`processing.pipeline.render.develop` does the work.
"""

from processing.pipeline.errors import Refused
from processing.pipeline.picture import Note, Origin, Picture, Rendition
from processing.pipeline.recipe import DEFAULT, Avif, Limits, Recipe, Rung

__all__ = ["DEFAULT", "Avif", "Limits", "Note", "Origin", "Picture", "Recipe", "Refused", "Rendition", "Rung"]
