"""The recipe for renditions, from the settings."""

from django.conf import settings

from processing.pipeline import Avif, Limits, Recipe, Rung

LARGE = 1600
"""Renditions of at least this edge are viewed on their own and get a higher quality."""
LARGE_DEFAULT, SMALL_DEFAULT = (84, 2), (80, 2)
"""WebP quality and method, unless the settings say otherwise."""


def current() -> Recipe:
    return Recipe(
        rungs=tuple(sorted(_rungs(), key=lambda rung: rung.edge, reverse=True)),
        avif=Avif(settings.AVIF_QUALITY, settings.AVIF_SPEED) if settings.AVIF else None,
        limits=Limits(
            jpeg_pixels=settings.MAX_JPEG_PIXELS,
            other_pixels=settings.MAX_OTHER_PIXELS,
            largest_edge=max(settings.RENDITION_EDGES),
        ),
    )


def version(mark: str) -> int:
    """Returns the pipeline's version from a recipe's mark."""
    return int(mark.partition("-")[0])


def is_ladder() -> bool:
    """True if the settings form a valid recipe."""
    edges = settings.RENDITION_EDGES
    lengths = {len(settings.WEBP_QUALITY), len(settings.WEBP_METHOD)}
    return len(edges) == len(set(edges)) > 0 and lengths <= {0, 1, len(edges)}


def _rungs() -> list[Rung]:
    edges = settings.RENDITION_EDGES
    defaults = [LARGE_DEFAULT if edge >= LARGE else SMALL_DEFAULT for edge in edges]
    qualities = _for_each(settings.WEBP_QUALITY, [quality for quality, _ in defaults])
    methods = _for_each(settings.WEBP_METHOD, [method for _, method in defaults])
    return [Rung(*rung) for rung in zip(edges, qualities, methods, strict=True)]


def _for_each(values: list[int], defaults: list[int]) -> list[int]:
    return values * len(defaults) if len(values) == 1 else values or defaults
