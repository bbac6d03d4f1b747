"""The recipe that renditions are made by, as the settings have it."""

from django.conf import settings

from processing.pipeline import Avif, Limits, Recipe, Rung

LARGE = 1600
"""From here on a rendition is looked at by itself, and gets more quality."""
OF_LARGE, OF_SMALL = (84, 2), (80, 2)
"""Quality and effort where nothing else is set."""


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
    """The pipeline's, of a recipe's mark."""
    return int(mark.partition("-")[0])


def is_ladder() -> bool:
    """Are the settings a recipe at all?"""
    edges = settings.RENDITION_EDGES
    lengths = {len(settings.WEBP_QUALITY), len(settings.WEBP_METHOD)}
    return len(edges) == len(set(edges)) > 0 and lengths <= {0, 1, len(edges)}


def _rungs() -> list[Rung]:
    edges = settings.RENDITION_EDGES
    usual = [OF_LARGE if edge >= LARGE else OF_SMALL for edge in edges]
    qualities = _for_each(settings.WEBP_QUALITY, [quality for quality, _ in usual])
    methods = _for_each(settings.WEBP_METHOD, [method for _, method in usual])
    return [Rung(*rung) for rung in zip(edges, qualities, methods, strict=True)]


def _for_each(given: list[int], usual: list[int]) -> list[int]:
    return given * len(usual) if len(given) == 1 else given or usual
