"""A photo's original and renditions side by side, with what each is made of. Decodes nothing: it tells what rows know."""

from dataclasses import dataclass

from django.urls import reverse

from albums.models import Photo, Rendition

SHOWN_BY_BROWSERS = {"JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "BMP"}


@dataclass(frozen=True, slots=True)
class Sample:
    """`gamut` is in percent of sRGB's area. What is empty is not known."""

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
    """What the other is held against: the original, or the largest rendition where no browser shows that."""
    compared: Sample | None

    @property
    def is_stood_in_for(self) -> bool:
        return self.reference is not self.original


def of(photo: Photo, asked: str = "") -> Quality:
    """`asked` is the id of the rendition to look at; the largest, or the next one to the reference, when there is no such."""
    original, renditions = _of_original(photo), tuple(_of(rendition) for rendition in photo.renditions.all())
    shown = original if photo.format in SHOWN_BY_BROWSERS else next(iter(renditions), None)
    others = [sample for sample in renditions if sample is not shown] or list(renditions)
    compared = next((sample for sample in renditions if sample.id == asked), None) or next(iter(others), None)
    return Quality(original, renditions, shown, compared)


def _of_original(photo: Photo) -> Sample:
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


def _of(rendition: Rendition) -> Sample:
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
