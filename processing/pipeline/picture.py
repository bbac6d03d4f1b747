"""The pipeline's description of a picture, as frozen dataclasses. Their JSON form is the public interface."""

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
    """A remark on how the picture was developed: a stable code, and a message for its photographer."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The file's name and modification date (ISO 8601), as its sender states them."""

    name: str = ""
    modified_at: str | None = None


UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class Gps:
    """Degrees north and east (WGS 84), metres above sea level."""

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
    """The file's metadata, cleaned. `taken_at` is ISO 8601, with an offset if it is known.

    `taken_from` is the source of `taken_at`: `exif`, `xmp`, `iptc`, Takeout's `json`, the file's `name`, or its modification date
    (`file`), the least reliable.
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
    """The original's profile name, gamut (in percent of sRGB's) and bits per sample. None means unknown."""

    profile: str | None = None
    gamut: int | None = None
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A developed picture. `width` and `height` are the original's, upright. `frames` is above 1 for an animation.

    `perceptual_hash` (in JSON: `likeness`) is that of `render.perceptual_hash`; None for an almost uniform picture.
    `orientation` is the file's, from 1 to 8 as in EXIF; 1 also if its decoder turns the picture.
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
    perceptual_hash: str | None = None
    colours: Colours = field(default_factory=Colours)
    orientation: int = 1

    def as_json(self) -> dict[str, Any]:
        """Returns one flat object of strict JSON: the metadata's keys are on the top level, and no number is NaN."""
        values = asdict(self)
        values |= values.pop("metadata") | {"likeness": values.pop("perceptual_hash")}
        return values | {name: list(values[name]) for name in ("keywords", "renditions", "notes")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Picture:
        return cls(
            **{name: values[name] for name in ("format", "width", "height", "placeholder", "recipe", "frames")},
            metadata=_metadata(values),
            renditions=tuple(Rendition(**rendition) for rendition in values["renditions"]),
            notes=tuple(Note(**note) for note in values["notes"]),
            perceptual_hash=values["likeness"],
            colours=Colours(**values["colours"]),
            orientation=values.get("orientation", 1),
        )


def _metadata(values: dict[str, Any]) -> Metadata:
    names = ("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating")
    return Metadata(
        **{name: values[name] for name in names},
        exposure=Exposure(**values["exposure"]),
        gps=Gps(**values["gps"]) if values["gps"] else None,
        keywords=tuple(values["keywords"]),
    )
