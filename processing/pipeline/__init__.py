"""Develops one file: makes upright sRGB WebP renditions and a description of the picture.

No module below may import Django, Huey or the rest of the project, so that the pipeline can run in a child process with limits,
or alone as `python -m processing.pipeline IN OUT/`.

This package itself imports no decoder, which keeps the worker 14 MB smaller. The entry point is
`processing.pipeline.render.develop`.
"""

from processing.pipeline.errors import ImageRejected
from processing.pipeline.picture import Note, Origin, Picture, Rendition
from processing.pipeline.recipe import DEFAULT, Avif, Limits, Recipe, Rung

__all__ = ["DEFAULT", "Avif", "ImageRejected", "Limits", "Note", "Origin", "Picture", "Recipe", "Rendition", "Rung"]
