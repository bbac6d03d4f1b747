"""What the pipeline tells about a picture: frozen values whose JSON form is the public interface."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Rendition:
    path: str
    width: int
    height: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing about how the picture came to be: a stable code, and words for its photographer."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of the file beside its bytes: its name and its own date (ISO 8601), as its sender tells them."""

    name: str = ""
    modified_at: str | None = None


UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class Gps:
    """Degrees north and east (WGS 84), metres above the sea."""

    latitude: float
    longitude: float
    altitude: float | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    aperture: float | None = None
    shutter_seconds: float | None = None
    iso: int | None = None
    focal_length_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the file says about itself, cleaned. `taken_at` is ISO 8601, with an offset where one is known.

    `taken_from` says where it stands: exif, xmp, iptc, Takeout's `json`, the file's `name`, or its own date (`file`), the least
    certain.
    """

    taken_at: str | None = None
    taken_from: str | None = None
    camera: str | None = None
    lens: str | None = None
    exposure: Exposure = field(default_factory=Exposure)
    gps: Gps | None = None
    title: str | None = None
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    creator: str | None = None
    copyright: str | None = None
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Colours:
    """Of the original: its profile's name and gamut (in percent of sRGB's), and bits a sample. None: not known."""

    profile: str | None = None
    gamut: int | None = None
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` are the original's, upright. Of an animation that stays one, `frames` are shown.

    `likeness` is what `render.perceptual_hash` makes of it; None of what is all but flat.
    """

    format: str
    width: int
    height: int
    metadata: Metadata
    placeholder: str
    renditions: tuple[Rendition, ...]
    recipe: str
    frames: int = 1
    notes: tuple[Note, ...] = ()
    likeness: str | None = None
    colours: Colours = field(default_factory=Colours)

    def as_json(self) -> dict[str, Any]:
        """One flat object of strict JSON: the metadata's keys stand beside the others, no number is nan."""
        values = asdict(self)
        values |= values.pop("metadata")
        return values | {name: list(values[name]) for name in ("keywords", "renditions", "notes")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Picture:
        return cls(
            **{name: values[name] for name in ("format", "width", "height", "placeholder", "recipe", "frames")},
            metadata=_metadata(values),
            renditions=tuple(Rendition(**rendition) for rendition in values["renditions"]),
            notes=tuple(Note(**note) for note in values["notes"]),
            likeness=values["likeness"],
            colours=Colours(**values["colours"]),
        )


def _metadata(values: dict[str, Any]) -> Metadata:
    plain = ("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating")
    return Metadata(
        **{name: values[name] for name in plain},
        exposure=Exposure(**values["exposure"]),
        gps=Gps(**values["gps"]) if values["gps"] else None,
        keywords=tuple(values["keywords"]),
    )
