"""The form that edits a selection of photos: each field is kept unless the user chooses what to do with it."""

from datetime import timedelta
from typing import Any

from django import forms

from albums.edits import fields
from albums.edits.forms import STARS
from albums.edits.mixed import MixedValues
from albums.edits.overrides import RESET, Change, Changes

KEEP, SET, RESET_CHOICE = ("", "Keep"), ("set", "Set to"), ("reset", "As in the files")
NO_LOCATION, SHIFT = ("none", "No location"), ("shift", "Shift by")
MAX_DAYS = 36_525


class SelectionEditForm(forms.Form):
    title_action = forms.ChoiceField(label="Title", choices=[KEEP, SET, RESET_CHOICE], required=False)
    title = fields.TextField(label="New title", max_length=fields.MAX_TITLE)
    caption_action = forms.ChoiceField(label="Caption", choices=[KEEP, SET, RESET_CHOICE], required=False)
    caption = fields.TextField(
        label="New caption", max_length=fields.MAX_CAPTION, lines=True, widget=forms.Textarea(attrs={"rows": 3})
    )
    alt_text_action = forms.ChoiceField(label="Alternative text", choices=[KEEP, SET], required=False)
    alt_text = fields.TextField(
        label="New alternative text", max_length=fields.MAX_ALT_TEXT, widget=forms.Textarea(attrs={"rows": 2})
    )
    keywords_action = forms.ChoiceField(
        label="Keywords", choices=[("", "Add or remove"), SET, RESET_CHOICE], required=False
    )
    keywords = fields.KeywordsField(label="Add keywords", help_text="Separate keywords with commas.")
    keywords_set = fields.KeywordsField(label="New keywords", help_text="Separate keywords with commas.")
    keywords_remove = forms.MultipleChoiceField(
        label="Remove keywords", required=False, widget=forms.CheckboxSelectMultiple
    )
    rating = forms.ChoiceField(
        label="Rating", choices=[KEEP, *((str(stars), name) for stars, name in STARS), RESET_CHOICE], required=False
    )
    location_action = forms.ChoiceField(
        label="Location", choices=[KEEP, SET, NO_LOCATION, RESET_CHOICE], required=False
    )
    location = fields.CoordinatesField(
        label="New location", help_text="Latitude and longitude in degrees, as in “48.85837, 2.29448”."
    )
    date_action = forms.ChoiceField(label="Date", choices=[KEEP, SHIFT, SET, RESET_CHOICE], required=False)
    shift_direction = forms.ChoiceField(
        label="Direction", choices=[("later", "Later"), ("earlier", "Earlier")], required=False
    )
    shift_days = forms.IntegerField(label="Days", min_value=0, max_value=MAX_DAYS, required=False)
    shift_time = fields.DurationField(
        label="Hours:minutes:seconds", widget=forms.TextInput(attrs={"placeholder": "1:00:00"})
    )
    date = fields.LocalTimeField(label="Date and time")
    offset = forms.ChoiceField(
        label="Time zone",
        choices=[("", "Unknown"), *((offset, f"UTC{offset}") for offset in fields.OFFSETS)],
        required=False,
    )

    def __init__(self, mixed: MixedValues, data: Any = None) -> None:
        super().__init__(data)
        listed = [(word, f"{word} ({count:,})") for word, count in mixed.keywords]
        # Also keywords that another user removed meanwhile, so that the form remains valid.
        sent = data.getlist("keywords_remove") if data is not None else []
        listed_words = {word for word, _ in listed}
        self.fields["keywords_remove"].choices = [  # type: ignore[attr-defined]
            *listed,
            *((word, word) for word in dict.fromkeys(sent) if word not in listed_words and _may_be_keyword(word)),
        ]
        for name in ("title", "caption", "alt_text", "keywords", "keywords_set", "location"):
            self.fields[name].widget.attrs.pop("maxlength", None)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("location_action") == "set" and "location" not in self.errors and not values.get("location"):
            self.add_error("location", "Enter a location, or choose “No location”.")
        if values.get("date_action") == "set" and "date" not in self.errors and not values.get("date"):
            self.add_error("date", "Enter a date.")
        is_shift = values.get("date_action") == "shift" and not {"shift_days", "shift_time"} & self.errors.keys()
        if is_shift and not self.shift:
            self.add_error("shift_time", "Enter by how much to shift the dates.")
        return values

    @property
    def shift(self) -> timedelta:
        """By how much the user shifts all dates. The form must be clean."""
        duration = timedelta(days=self.cleaned_data.get("shift_days") or 0) + (
            self.cleaned_data.get("shift_time") or timedelta()
        )
        return -duration if self.cleaned_data.get("shift_direction") == "earlier" else duration

    def changes(self) -> Changes:
        """Returns what the user chose. The form must be valid."""
        values = self.cleaned_data
        changes: dict[str, Change | None] = {
            **{name: self._chosen(name, values[name]) for name in ("title", "caption", "alt_text")},
            "keywords": self._keywords(),
            "rating": RESET
            if values["rating"] == "reset"
            else {"set": int(values["rating"])}
            if values["rating"]
            else None,
            "location": {"set": None}
            if values["location_action"] == "none"
            else self._chosen("location", values["location"]),
            "date": self._date(),
        }
        return {name: change for name, change in changes.items() if change}

    def _chosen(self, name: str, value: Any) -> Change | None:
        action = self.cleaned_data[f"{name}_action"]
        return RESET if action == "reset" else {"set": value} if action == "set" else None

    def _keywords(self) -> Change | None:
        values = self.cleaned_data
        if values["keywords_action"]:
            return self._chosen("keywords", values["keywords_set"])
        added, removed = values["keywords"], values["keywords_remove"]
        return {"add": added, "remove": removed} if added or removed else None

    def _date(self) -> Change | None:
        values = self.cleaned_data
        if values["date_action"] == "shift":
            return {"shift": int(self.shift.total_seconds())}
        local_time = values["date"].isoformat() if values["date"] else ""
        return self._chosen("date", [local_time, fields.offset_minutes(values["offset"])])


def _may_be_keyword(word: str) -> bool:
    return len(word) <= fields.MAX_KEYWORD and "\0" not in word
