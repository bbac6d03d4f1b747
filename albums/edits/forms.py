"""The form that edits one photo."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from albums.columns.camera_time import camera_clock
from albums.edits import fields, overrides
from albums.edits.overrides import RESET, Changes
from albums.models import Photo

STARS = [(0, "Not rated"), *((stars, f"{stars} star{'' if stars == 1 else 's'}") for stars in range(1, 6))]


class RatingForm(forms.Form):
    rating = forms.IntegerField(min_value=0, max_value=fields.MAX_STARS)


@dataclass(frozen=True, slots=True)
class Row:
    """One field of the form, with the file's value if the user's differs."""

    name: str
    inputs: list[BoundField]
    is_edited: bool
    file_value: str


class PhotoEditForm(forms.Form):
    """A photo's metadata as shown. A field that the user did not touch stays, also if another user has changed it meanwhile.

    For that, each field has a hidden input with its initial value. `reset` names the fields to be shown as in the file.
    """

    title = fields.TextField(max_length=fields.MAX_TITLE)
    caption = fields.TextField(max_length=fields.MAX_CAPTION, lines=True, widget=forms.Textarea(attrs={"rows": 3}))
    alt_text = fields.TextField(
        label="Alternative text",
        max_length=fields.MAX_ALT_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Describes the photo for people who cannot see it.",
    )
    keywords = fields.KeywordsField(help_text="Separate keywords with commas.")
    rating = forms.TypedChoiceField(choices=STARS, coerce=int, required=False, empty_value="0")
    date = fields.LocalTimeField(label="Date and time")
    offset = forms.ChoiceField(label="Time zone", required=False)
    location = fields.CoordinatesField(
        label="Location", help_text="Latitude and longitude in degrees, as in “48.85837, 2.29448”. Empty: no location."
    )

    def __init__(self, photo: Photo, data: Any = None) -> None:
        super().__init__(data, initial=_initial(photo))
        self.photo = photo
        self._set_choices()
        for field in self.fields.values():
            field.show_hidden_initial = True
        for name in ("title", "caption", "alt_text"):  # the browser would cut off what is pasted, without saying so
            self.fields[name].widget.attrs.pop("maxlength", None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (
            "date" in self.changed_data
            and not cleaned.get("date")
            and "date" not in self.errors
            and not self._is_reset("date")
        ):
            self.add_error("date", "Enter a date, or use the file's.")
        return cleaned

    def changes(self) -> Changes:
        """Returns what the user changed. The form must be valid."""
        touched, values = set(self.changed_data), self.cleaned_data
        changes: Changes = {
            name: {"set": values[name]}
            for name in ("title", "caption", "alt_text", "keywords", "rating", "location")
            if name in touched
        }
        if touched & {"date", "offset"} and values["date"]:
            changes["date"] = {"set": [values["date"].isoformat(), fields.offset_minutes(values["offset"])]}
        return changes | {name: RESET for name in overrides.COLUMNS if self._is_reset(name)}

    def rows(self) -> list[Row]:
        edited, file_values = overrides.edited_fields(self.photo), _file_values(self.photo)
        names = {name: ["date", "offset"] if name == "date" else [name] for name in overrides.COLUMNS}
        return [
            Row(name, [self[field] for field in names[name]], name in edited, file_values.get(name, ""))
            for name in overrides.COLUMNS
        ]

    def _is_reset(self, name: str) -> bool:
        return bool(self.data) and name in self.data.getlist("reset")  # type: ignore[attr-defined]

    def _set_choices(self) -> None:
        """Adds a rating or an offset that only files have."""
        if self.photo.stars == -1:
            self.fields["rating"].choices = [(-1, "Rejected"), *STARS]  # type: ignore[attr-defined]
        offsets = sorted(
            {*fields.OFFSETS, self.initial["offset"]} - {""}, key=lambda text: fields.offset_minutes(text) or 0
        )
        self.fields["offset"].choices = [("", "Unknown"), *((text, f"UTC{text}") for text in offsets)]  # type: ignore[attr-defined]


def _initial(photo: Photo) -> dict[str, Any]:
    return {
        "title": photo.shown_title,
        "caption": photo.shown_caption,
        "alt_text": photo.alt_text,
        "keywords": photo.shown_keywords,
        "rating": photo.stars or 0,
        "date": _without_fraction(camera_clock(photo)),
        "offset": fields.offset_text(photo.shown_taken_offset_minutes),
        "location": _location(photo.shown_latitude, photo.shown_longitude),
    }


def _without_fraction(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def _location(latitude: float | None, longitude: float | None) -> list[float] | None:
    return None if latitude is None or longitude is None else [latitude, longitude]


def _file_values(photo: Photo) -> dict[str, str]:
    """Returns the file's values as texts. The file has no alternative text."""
    file_photo = Photo(taken_at=photo.taken_at, taken_offset_minutes=photo.taken_offset_minutes)
    taken = camera_clock(file_photo)
    offset = fields.offset_text(photo.taken_offset_minutes)
    location = _location(photo.latitude, photo.longitude)
    return {
        "title": photo.title,
        "caption": photo.caption,
        "keywords": ", ".join(photo.keywords),
        "rating": "" if photo.rating is None else {-1: "Rejected", **dict(STARS)}.get(photo.rating, str(photo.rating)),
        "date": f"{taken:%-d %B %Y, %H:%M:%S}{f' UTC{offset}' if offset else ''}" if taken else "",
        "location": ", ".join(f"{degrees:.5f}" for degrees in location) if location else "",
    }
