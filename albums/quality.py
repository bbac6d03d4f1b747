"""Compares a photo's original with its renditions, from the rows alone: nothing is decoded."""

from dataclasses import dataclass

from django.urls import reverse

from albums.columns import orientation
from albums.models import Photo, Rendition

SHOWN_BY_BROWSERS = {"JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "BMP"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of the comparison. `gamut` is in percent of sRGB's area. Empty fields are unknown."""

    id: str
    name: str
    address: str
    width: int
    height: int
    bytes: int
    profile: str
    gamut: int | None
    bits: int | None
    recipe: str = ""

    @property
    def bytes_per_pixel(self) -> float:
        return self.bytes / (self.width * self.height)


@dataclass(frozen=True, slots=True)
class Quality:
    original: Sample
    renditions: tuple[Sample, ...]
    reference: Sample | None
    """The original, or the largest rendition if browsers cannot show the original, or not as the user rotated it."""
    compared: Sample | None

    @property
    def is_stood_in_for(self) -> bool:
        return self.reference is not self.original


def build(photo: Photo, rendition_id: str = "") -> Quality:
    """Returns the comparison with the rendition of that id; by default with the largest that is not the reference."""
    original = _original_sample(photo)
    renditions = tuple(_rendition_sample(rendition) for rendition in photo.renditions.all())
    is_shown = photo.format in SHOWN_BY_BROWSERS and photo.orientation == orientation.UPRIGHT
    reference = original if is_shown else next(iter(renditions), None)
    candidates = [sample for sample in renditions if sample is not reference] or list(renditions)
    compared = next((sample for sample in renditions if sample.id == rendition_id), None) or next(
        iter(candidates), None
    )
    return Quality(original, renditions, reference, compared)


def _original_sample(photo: Photo) -> Sample:
    return Sample(
        id="original",
        name=f"Original, {photo.format}",
        address=reverse("albums:original", args=[photo.pk]),
        width=photo.width,
        height=photo.height,
        bytes=photo.original_bytes,
        profile=photo.profile,
        gamut=photo.gamut,
        bits=photo.bit_depth,
    )


def _rendition_sample(rendition: Rendition) -> Sample:
    return Sample(
        id=f"{rendition.edge}.{rendition.format}",
        name=f"{rendition.edge}, {rendition.get_format_display()}",
        address=rendition.get_absolute_url(),
        width=rendition.width,
        height=rendition.height,
        bytes=rendition.bytes,
        profile="sRGB",
        gamut=100,
        bits=8,
        recipe=rendition.recipe,
    )
